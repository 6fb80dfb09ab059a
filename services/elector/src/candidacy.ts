/**
 * All that an elector does in one election: it observes it, campaigns in it and publishes it. Decides
 * how the three are put together, and is what the application holds.
 */
import type { ElectionName, NodeId, Random, Version } from '@herald/core';
import type { Logger } from '@herald/process';
import { Campaign } from './campaign/campaign.ts';
import type { CampaignState } from './campaign/campaign.ts';
import { checkProfile } from './campaign/candidate.ts';
import type { Profile } from './campaign/candidate.ts';
import { candidatesPrefix } from './campaign/election-keys.ts';
import type { HealthCheck } from './campaign/fitness.ts';
import { currentLeadership, leadershipsOf } from './campaign/leadership.ts';
import type { Leadership } from './campaign/leadership.ts';
import type { Clock } from './clock.ts';
import type { EtcdKeyspace } from './etcd/keyspace.ts';
import type { EtcdLeases } from './etcd/leases.ts';
import type { EtcdSession } from './etcd/session.ts';
import type { History } from './history/history.ts';
import type { Meter } from './meter.ts';
import { Observer } from './observe/observer.ts';
import type { CandidateKey, ElectionView } from './observe/view.ts';
import { Publisher } from './publisher.ts';
import type { Tier } from './tier.ts';
import { TroubleLog } from './trouble.ts';

/** What all candidacies of an elector share. */
export interface CandidacyContext {
  readonly id: NodeId;
  readonly prefix: string;
  readonly history: History;
  readonly tier: Tier;
  readonly dataSession: EtcdSession;
  readonly keyspace: EtcdKeyspace;
  readonly leases: EtcdLeases;
  readonly health: HealthCheck | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly meter: Meter;
}

/** What a candidate may change about itself while it campaigns. */
export type ProfileChange = Partial<Pick<Profile, 'address' | 'metadata'>>;

export class Candidacy {
  readonly election: ElectionName;
  readonly #context: CandidacyContext;
  readonly #trouble: TroubleLog;
  readonly #observer: Observer;
  readonly #publisher: Publisher;
  readonly #campaign: Campaign;
  readonly #stopObserving = new AbortController();
  #running: Promise<unknown> | undefined;
  #knownElectors = '';

  constructor(election: ElectionName, profile: Profile, context: CandidacyContext) {
    const { tier, dataSession, keyspace, leases, random, clock, health, meter } = context;
    const { id, history, prefix } = context;
    const ttlMs = profile.ttlSeconds * 1_000;
    const logger = context.logger.child({ election });
    this.election = election;
    this.#context = context;
    const trouble = (this.#trouble = new TroubleLog(logger, () => history.refusal));
    this.#observer = new Observer({
      ...{ keyspace, history, clock, random, ttlMs, trouble },
      session: dataSession,
      candidatesPrefix: candidatesPrefix(prefix, election),
      tier: () => tier.leader(election),
      isOwn: (key) => isOwn(key, profile),
      onView: (view) => {
        this.#onView(view);
      },
    });
    const observer = this.#observer;
    this.#publisher = new Publisher({
      ...{ election, issuer: id, history, ttlMs, tier, leases, random, trouble },
      logger: context.logger,
      deletionOf: (epoch) => observer.deletionOf(epoch),
      isOwn: (key) => isOwn(key, profile),
    });
    const publisher = this.#publisher;
    this.#campaign = new Campaign({
      ...{ election, prefix, profile, leases, keyspace, history, observer, publisher, health },
      ...{ clock, random, trouble, meter },
      logger: context.logger,
    });
    history.onRefused(() => {
      this.#campaign.refuse();
      this.#publisher.fallSilent();
    });
  }

  get state(): CampaignState {
    return this.#campaign.state;
  }

  /** Create revision of this candidate's key, the fencing token while it leads; 0 without a key. */
  get epoch(): bigint {
    return this.#campaign.tenure?.epoch ?? 0n;
  }

  /** What is wrong at present, for people; empty when nothing is. */
  get trouble(): string {
    return this.#trouble.text;
  }

  /** Version of the own leadership, without its renewals; undefined unless it leads. */
  get version(): Version | undefined {
    const { tenure } = this.#campaign;
    if (tenure?.isLeading() !== true) return undefined;
    const { lineage, epoch, sequence } = tenure;
    return { lineage, epoch, sequence, renewal: 0 };
  }

  /** What the candidate says of itself. */
  get profile(): Profile {
    return this.#campaign.profile;
  }

  /**
   * Whether this candidate leads at this very moment, by its own deadline. Costs a look at the clock
   * and waits for nothing.
   */
  isLeader(): boolean {
    return this.#campaign.isLeader();
  }

  /** For how long it leads if no further renewal succeeds, in milliseconds; 0 unless it leads. */
  leadingForMs(): number {
    const { tenure } = this.#campaign;
    return tenure?.isLeading() === true ? tenure.remainingMs() : 0;
  }

  /**
   * "While I lead": each leadership of this candidate, with a signal that ends with it. Ends when the
   * elector closes or `signal` aborts.
   */
  leadership(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<Leadership> {
    return leadershipsOf(this.#campaign, options.signal);
  }

  /** The leadership that goes on at this moment; undefined when there is none. */
  currentLeadership(): Leadership | undefined {
    return currentLeadership(this.#campaign);
  }

  /**
   * Ends the own leadership at once, lets the next in line take over, and campaigns again behind it.
   *
   * @returns the epoch that ended; undefined when it did not lead
   */
  stepDown(reason = ''): Promise<{ readonly epoch: bigint } | undefined> {
    return this.#campaign.stepDown(reason);
  }

  /**
   * Changes address or metadata; while it leads, everyone is told.
   *
   * @throws Error when they break a limit; ElectorError when etcd cannot be told now (it will be)
   */
  async proclaim(change: ProfileChange): Promise<void> {
    const profile = { ...this.#campaign.profile, ...change };
    checkProfile(profile);
    await this.#campaign.proclaim(profile);
  }

  /** Starts observing and campaigning; both go on until `close`. */
  start(): void {
    this.#running ??= Promise.all([
      this.#observer.run(this.#stopObserving.signal),
      this.#campaign.run().finally(() => {
        this.#stopObserving.abort();
      }),
    ]);
  }

  /** Steps down if it leads, and stops. Resolves when etcd was told, or did not answer. */
  async close(): Promise<void> {
    this.#campaign.close();
    await this.#running;
    this.#publisher[Symbol.dispose]();
  }

  #onView(view: ElectionView): void {
    // First the own standing, so that a leadership that is over ends before others are told.
    this.#campaign.onView(view);
    this.#publisher.onView(view);
    this.#introduce(view);
  }

  /** Electors find each other through their candidates' keys. */
  #introduce(view: ElectionView): void {
    const own = this.profile.electorAddress;
    const addresses = view.candidates.flatMap(({ candidate }) => {
      const { electorAddress } = candidate.leader;
      return electorAddress === undefined || electorAddress === own ? [] : [electorAddress];
    });
    const known = addresses.toSorted().join(' ');
    if (known === this.#knownElectors) return;
    this.#knownElectors = known;
    this.#context.tier.introduce(addresses, 'elector');
  }
}

/** By what it says of itself, so that the key of an earlier life of this elector is its own, too. */
function isOwn({ candidate }: CandidateKey, profile: Profile): boolean {
  const { id, electorAddress } = candidate.leader;
  return id === profile.id && electorAddress === profile.electorAddress;
}
