/**
 * An elector: a member of the gossip tier that campaigns in elections on behalf of the service it
 * stands beside. Decides in what order the parts start and end, and what they share: one member, one
 * connection to etcd for leases, one for everything else, whatever the number of elections.
 *
 * Leases have a connection of their own, so that a large read or a flood of watch events never stands
 * between a leader and its renewal.
 */
import type { Server } from '@grpc/grpc-js';
import { assert } from '@herald/core';
import type { Address, ClusterName, ElectionName, NodeId, Random } from '@herald/core';
import { createMember, nodeServiceHandlers } from '@herald/member';
import type { Member, MemberOptions } from '@herald/member';
import type { Logger } from '@herald/process';
import { addNodeService } from '@herald/wire';
import type { RaiseLineageRequest } from '@herald/wire';
import { checkProfile } from './campaign/candidate.ts';
import type { Profile } from './campaign/candidate.ts';
import type { HealthCheck } from './campaign/fitness.ts';
import { Candidacy } from './candidacy.ts';
import { SuspendAwareClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { defaults, electorLimits } from './config.ts';
import { ElectorError } from './errors.ts';
import type { EtcdAccess } from './etcd/access.ts';
import { EtcdKeyspace } from './etcd/keyspace.ts';
import { EtcdLeases } from './etcd/leases.ts';
import { ClusterIdentity, EtcdSession } from './etcd/session.ts';
import { History } from './history/history.ts';
import { raiseLineage } from './history/raise.ts';
import type { RaiseAnswer, RaiseContext } from './history/raise.ts';
import { noMeter } from './meter.ts';
import type { Meter } from './meter.ts';
import { checkProtection } from './protection.ts';
import type { ElectorProtection } from './protection.ts';
import { ElectorServices } from './service.ts';
import { silentLogger } from './silent-logger.ts';
import type { Tier } from './tier.ts';
import { pause } from './wait.ts';
import { waitForEtcd } from './wait-for-etcd.ts';

/** How often a starting elector looks whether it is linked. */
const linkPollMs = 10;

/** One election that an elector takes part in. */
export interface ElectionOptions {
  readonly name: ElectionName;
  /** Where the service that it campaigns for is reached; the elector's own address unless given. */
  readonly address?: string;
  /** Travels with the record; bounded by `limits`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface EtcdOptions {
  /** As `http://host:port` or `https://host:port`; at least one. */
  readonly endpoints: readonly string[];
  /** How etcd is told who we are, where it wants to know. */
  readonly access?: EtcdAccess | undefined;
  /** How long a call may take; 2 s unless given. */
  readonly callTimeoutMs?: number;
  /** How long the start waits for etcd; 10 s unless given. */
  readonly waitMs?: number;
}

export interface CampaignSettings {
  readonly elections: readonly ElectionOptions[];
  readonly etcd: EtcdOptions;
  /** Where the elections lie in etcd; `herald/elections` unless given. */
  readonly prefix?: string;
  /** Of the leases, in whole seconds; 3 unless given. etcd may grant more. */
  readonly ttlSeconds?: number;
  /** Asked before a campaign and at each renewal. */
  readonly health?: HealthCheck;
  readonly logger?: Logger;
  readonly meter?: Meter;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface ElectorOptions
  extends
    CampaignSettings,
    ElectorProtection,
    Pick<
      MemberOptions,
      'listen' | 'advertise' | 'tuning' | 'observer' | 'connectionsPerAddressMax'
    > {
  readonly cluster: ClusterName;
  /** Stable name of this elector, unique in the cluster. */
  readonly id: NodeId;
  /** Members to join the tier by. */
  readonly join?: readonly Address[];
  /** Ends the start. */
  readonly signal?: AbortSignal;
}

/**
 * Starts an elector: when the promise resolves, it listens, etcd answers, and it campaigns.
 *
 * @throws InvalidValueError when it is neither protected nor said to be in plain text; MemberError when it cannot listen; ElectorError `ETCD_UNREACHABLE` when etcd does not
 *   answer in time; WireError or Error when an election's address or metadata break a limit
 */
export async function createElector(options: ElectorOptions): Promise<Elector> {
  checkProtection(options);
  const { cluster, id, listen, logger = silentLogger } = options;
  const services = new ElectorServices(id);
  const { advertise, connectionsPerAddressMax, tuning, observer, tls, trust, signer } = options;
  const answering: { member?: Member } = {};
  const member = await createMember({
    ...{ cluster, nodeId: id, role: 'elector', listen, seeds: options.join ?? [], logger, tls },
    connectionsPerAddressMax,
    addServices: (server: Server) => {
      services.addTo(server);
      // An elector is a member and knows first: nodes that are behind send callers here.
      addNodeService(
        server,
        nodeServiceHandlers(() => answering.member),
      );
    },
    ...(advertise === undefined ? {} : { advertise }),
    ...(tuning === undefined ? {} : { tuning }),
    ...(observer === undefined ? {} : { observer }),
    ...(trust === undefined ? {} : { trust }),
    ...(signer === undefined ? {} : { signer }),
  });
  answering.member = member;
  try {
    await untilInformed(member, options);
    const campaigns = await startCampaigns(id, member.address, member, options, {
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      foundingDelayMs: (options.join ?? []).length === 0 ? 0 : defaults.foundingDelayMs,
    });
    const elector = new Elector(member, campaigns, services);
    services.serve(campaigns, member);
    logger.info({ electorId: id, address: member.address }, 'elector ready');
    return elector;
  } catch (error) {
    await member.close();
    throw error;
  }
}

/**
 * An etcd that was wiped is told by what the tier knows. So whoever joins a tier listens to it first;
 * for a moment only, since a tier that is not there must not keep anybody from leading.
 */
async function untilInformed(member: Member, { join = [], signal }: ElectorOptions): Promise<void> {
  if (join.length === 0) return;
  const late = AbortSignal.timeout(defaults.linkWaitMs);
  const either = signal === undefined ? late : AbortSignal.any([signal, late]);
  while (!either.aborted && member.links().length === 0) await pause(linkPollMs, either);
  await pause(defaults.linkSyncMs, either);
}

/** All candidacies of an elector, with what they share. Needs a tier, and no member. */
export class Campaigns implements AsyncDisposable {
  readonly candidacies: ReadonlyMap<ElectionName, Candidacy>;
  readonly #shared: RaiseContext;
  readonly #sessions: readonly EtcdSession[];

  constructor(
    candidacies: ReadonlyMap<ElectionName, Candidacy>,
    shared: RaiseContext,
    sessions: readonly EtcdSession[],
  ) {
    this.candidacies = candidacies;
    this.#shared = shared;
    this.#sessions = sessions;
  }

  /** What all candidacies go by, or refuse. */
  get history(): Pick<History, 'lineage' | 'refusal'> {
    return this.#shared.history;
  }

  /**
   * Says what is wrong with etcd's history, and raises the lineage where that is needed and asked for.
   *
   * @throws ElectorError when etcd cannot be asked
   */
  raiseLineage(request: RaiseLineageRequest): Promise<RaiseAnswer> {
    return raiseLineage(this.#shared, request);
  }

  /** Steps down everywhere; waits for etcd to hear it, but no longer than `timeoutMs`. */
  async close(timeoutMs: number = defaults.closeTimeoutMs): Promise<void> {
    const giveUp = new AbortController();
    const all = [...this.candidacies.values()].map((candidacy) => candidacy.close());
    const closed = Promise.all(all).then(() => {
      giveUp.abort();
    });
    await Promise.race([closed, pause(timeoutMs, giveUp.signal)]);
    if (!giveUp.signal.aborted) {
      // What is still under way ends by its own deadline, and changes nothing any more.
      this.#shared.logger.warn(
        { timeoutMs },
        'etcd was not told in time: leases will run out by themselves',
      );
    }
    for (const session of this.#sessions) session[Symbol.dispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Waits for etcd, and starts campaigning and observing for `tier`, which is listened to for
 * `foundingDelayMs` before an etcd is taken for new.
 */
export async function startCampaigns(
  id: NodeId,
  electorAddress: Address,
  tier: Tier,
  settings: CampaignSettings,
  start: { readonly signal?: AbortSignal; readonly foundingDelayMs?: number } = {},
): Promise<Campaigns> {
  const { signal = new AbortController().signal, foundingDelayMs = 0 } = start;
  const { elections, etcd, ttlSeconds = defaults.ttlSeconds, meter = noMeter } = settings;
  const { random = Math.random, clock = new SuspendAwareClock(), health } = settings;
  const { prefix = defaults.prefix, logger = silentLogger } = settings;
  const { endpoints, access, callTimeoutMs = defaults.etcdCallTimeoutMs, waitMs } = etcd;
  assert(elections.length <= electorLimits.electionsPerElectorMax, 'the elections are bounded');
  const profiles = elections.map(({ name, address = electorAddress, metadata = {} }) => {
    const profile: Profile = { id, address, electorAddress, metadata, ttlSeconds };
    checkProfile(profile);
    return [name, profile] as const;
  });

  const identity = new ClusterIdentity();
  const newSession = (label: 'data' | 'lease'): EtcdSession =>
    new EtcdSession({
      ...{ endpoints, access, identity, callTimeoutMs, random },
      onCall: (outcome) => {
        meter.etcdCall(label, outcome);
      },
    });
  const dataSession = newSession('data');
  const leaseSession = newSession('lease');
  const sessions = [dataSession, leaseSession];
  const keyspace = new EtcdKeyspace(dataSession);
  const history = new History({
    ...{ prefix, electorAddress, identity, keyspace, tier, logger },
    elections: elections.map(({ name }) => name),
  });
  try {
    await waitForEtcd(() => history.open(foundingDelayMs, signal), {
      ...{ endpoints, random, signal },
      waitMs: waitMs ?? defaults.etcdWaitMs,
    });
  } catch (error) {
    for (const session of sessions) session[Symbol.dispose]();
    throw error;
  }
  const context = {
    ...{ id, prefix, history, tier, dataSession, keyspace, health, clock, random, logger, meter },
    leases: new EtcdLeases(leaseSession),
  };
  const candidacies = new Map(
    profiles.map(([name, profile]) => [name, new Candidacy(name, profile, context)]),
  );
  for (const candidacy of candidacies.values()) candidacy.start();
  return new Campaigns(candidacies, { history, keyspace, tier, logger }, sessions);
}

export class Elector implements AsyncDisposable {
  /** This elector as a member of the gossip tier. */
  readonly member: Member;
  readonly #campaigns: Campaigns;
  readonly #services: ElectorServices;
  #closing: Promise<void> | undefined;

  /** Use `createElector`. */
  constructor(member: Member, campaigns: Campaigns, services: ElectorServices) {
    this.member = member;
    this.#campaigns = campaigns;
    this.#services = services;
  }

  get id(): NodeId {
    return this.member.nodeId;
  }

  /** Where it answers. */
  get address(): Address {
    return this.member.address;
  }

  /** What it takes etcd's history for: the lineage, and why it refuses, if it does. */
  get history(): Pick<History, 'lineage' | 'refusal'> {
    return this.#campaigns.history;
  }

  get elections(): readonly Candidacy[] {
    return [...this.#campaigns.candidacies.values()];
  }

  /** @throws ElectorError `UNKNOWN_ELECTION` when this elector does not take part in it. */
  election(name: ElectionName | string): Candidacy {
    const candidacy = this.#campaigns.candidacies.get(name as ElectionName);
    if (candidacy !== undefined) return candidacy;
    throw new ElectorError('UNKNOWN_ELECTION', `${this.id} takes no part in election ${name}`);
  }

  /**
   * Steps down everywhere, tells etcd and the tier, and leaves. Idempotent; never rejects.
   *
   * @param timeoutMs How long etcd is waited for; without it the leases run out by themselves.
   */
  close(timeoutMs?: number): Promise<void> {
    this.#closing ??= this.#shutDown(timeoutMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #shutDown(timeoutMs?: number): Promise<void> {
    this.#services.stop();
    await this.#campaigns.close(timeoutMs);
    await this.member.close();
  }
}
