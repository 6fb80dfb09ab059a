/**
 * The name resolver for `herald:` targets. Decides what a channel is told of what the client knows:
 * the leader's address while its record can be true, else UNAVAILABLE with the reason. It reports what
 * is known now whenever it is asked, and by itself whenever that changes; `leader-balancer.ts` decides
 * what becomes of connections.
 */
import { experimental, Metadata, status } from '@grpc/grpc-js';
import type { ChannelOptions, StatusObject } from '@grpc/grpc-js';
import { formatVersion } from '@herald/core';
import { HeraldClientError } from '../errors.ts';
import type { ClientErrorCode } from '../errors.ts';
import type { LeaderFacts } from '../results.ts';
import { versionAttribute } from './leader-balancer.ts';
import { feedOf } from './leader-feed.ts';
import type { LeaderFeed, LeaderView } from './leader-feed.ts';
import type { ClientSource, Loan } from './sources.ts';
import { sharedClient } from './sources.ts';
import type { SharedClientOptions } from './sources.ts';
import { fromUri } from './target.ts';
import type { HeraldTarget } from './target.ts';
import { leaderServiceConfig } from './service-config.ts';

type ResolverListener = experimental.ResolverListener;

/** What `leaderChannelOptions` puts into a channel's options for its resolver. */
export interface ResolverSettings {
  readonly source: ClientSource;
  readonly allowExpired: boolean;
}

/** Not an option of connections: grpc-js keeps such keys from them. */
export const settingsKey = `${experimental.SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX}.herald_resolver`;

/** Trailing metadata of UNAVAILABLE: the code of the client's error, for programs to switch on. */
const reasonKey = 'herald-reason';

/** What `registerHeraldResolver` was given, for targets that come without settings. */
export interface Registration {
  readonly nodes: HeraldTarget['nodes'];
  readonly clientOptions: SharedClientOptions;
}

/** The class that grpc-js makes a resolver of for each channel. */
export function resolverClass(registration: () => Registration): ResolverClass {
  return class HeraldResolver extends LeaderResolver {
    constructor(uri: experimental.GrpcUri, listener: ResolverListener, options: ChannelOptions) {
      super(uri, listener, options, registration());
    }

    static getDefaultAuthority(uri: experimental.GrpcUri): string {
      return fromUri(uri).election;
    }
  };
}

type ResolverClass = Parameters<typeof experimental.registerResolver>[1];

class LeaderResolver implements experimental.Resolver {
  readonly #settings: ResolverSettings;
  readonly #target: HeraldTarget;
  readonly #listener: ResolverListener;
  readonly #options: ChannelOptions;
  /** While the channel is in use: from the first question to `destroy`. */
  #following: Following | undefined;

  /** @throws HeraldClientError `INVALID_ARGUMENT`, out of the constructor of the user's stub. */
  constructor(
    uri: experimental.GrpcUri,
    listener: ResolverListener,
    options: ChannelOptions,
    registration: Registration,
  ) {
    this.#target = fromUri(uri);
    this.#settings = settingsIn(options) ?? {
      source: sharedClient(withNodes(this.#target, registration), registration.clientOptions),
      allowExpired: false,
    };
    checkElection(this.#target, this.#settings.source);
    this.#listener = listener;
    this.#options = options;
  }

  updateResolution(): void {
    if (this.#following === undefined) {
      this.#following = new Following(this.#settings.source, (view) => {
        this.#report(view);
      });
    }
    this.#following.renew();
  }

  destroy(): void {
    this.#following?.end();
    this.#following = undefined;
  }

  #report({ trouble, update }: LeaderView): void {
    const { allowExpired } = this.#settings;
    if (update === undefined) {
      // Calls wait in the channel until there is something to tell.
      if (trouble !== undefined) this.#reportNobody(trouble);
    } else if (trouble?.code === 'CLOSED') {
      this.#reportNobody(trouble);
    } else if (update.status === 'vacant') {
      this.#reportNobody(vacantError(this.#target, update.epoch));
    } else if (update.status === 'expired' && !allowExpired) {
      this.#reportNobody(expiredError(this.#target, update));
    } else {
      this.#reportLeader(update);
    }
  }

  #reportLeader(leader: LeaderFacts): void {
    const address = experimental.splitHostPort(leader.address);
    if (address?.port === undefined) {
      this.#reportNobody(
        new HeraldClientError(
          'REJECTED',
          `the leader of ${this.#target.election} is at ${JSON.stringify(leader.address)}, which is ` +
            'no host:port that gRPC can call; set the address that its elector campaigns with',
        ),
      );
      return;
    }
    const { host, port } = address;
    const attributes = {
      [versionAttribute]: formatVersion({ ...leader.version, renewal: 0 }),
      // The certificate to expect is that of the leader's host, not of the election.
      'grpc.ssl_target_name_override': this.#options['grpc.ssl_target_name_override'] ?? host,
    };
    this.#tell({ ok: true, value: [{ addresses: [{ host, port }] }] }, attributes);
  }

  #reportNobody(error: HeraldClientError): void {
    this.#tell({ ok: false, error: unavailable(error.code, error.message) }, {});
  }

  #tell(
    endpoints: experimental.StatusOr<experimental.Endpoint[]>,
    attributes: Record<string, unknown>,
  ): void {
    const isConfigured = this.#options['grpc.service_config'] !== undefined;
    const config = isConfigured ? null : { ok: true as const, value: leaderServiceConfig };
    this.#listener(endpoints, attributes, config, `the leader of ${this.#target.election}`);
  }
}

/** A resolver that follows: holds a client and its feed, and tells in a turn of its own. */
class Following {
  readonly #loan: Loan;
  readonly #feed: LeaderFeed;
  readonly #tell: (view: LeaderView) => void;
  readonly #unfollow: () => void;
  #isTurnDue = false;
  #hasEnded = false;

  constructor(source: ClientSource, tell: (view: LeaderView) => void) {
    this.#loan = source.borrow();
    this.#feed = feedOf(this.#loan.client);
    this.#tell = tell;
    this.#unfollow = this.#feed.follow(() => {
      if (!this.#hasEnded) tell(this.#feed.view);
    });
  }

  /** grpc-js wants an answer to its question, but never from within it. */
  renew(): void {
    this.#feed.renew();
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    process.nextTick(() => {
      this.#isTurnDue = false;
      if (!this.#hasEnded) this.#tell(this.#feed.view);
    });
  }

  end(): void {
    this.#hasEnded = true;
    this.#unfollow();
    this.#loan.giveBack();
  }
}

function settingsIn(options: ChannelOptions): ResolverSettings | undefined {
  return options[settingsKey] as ResolverSettings | undefined;
}

/** @throws HeraldClientError `INVALID_ARGUMENT` when the client follows another election. */
function checkElection({ election }: HeraldTarget, source: ClientSource): void {
  const theirs = source.peek()?.election;
  if (theirs === undefined || theirs === election) return;
  throw new HeraldClientError(
    'INVALID_ARGUMENT',
    `target: names the election ${election}, but the client of this channel follows ${theirs}`,
  );
}

function withNodes(target: HeraldTarget, { nodes }: Registration): HeraldTarget {
  return target.nodes.length > 0 ? target : { ...target, nodes };
}

function vacantError({ election }: HeraldTarget, epoch: bigint): HeraldClientError {
  return new HeraldClientError(
    'NO_LEADER',
    `nobody leads ${election} since epoch ${String(epoch)} ended; the channel follows whoever is ` +
      'elected: calls with waitForReady wait for that. If it lasts, check that electors run and reach etcd',
  );
}

function expiredError({ election }: HeraldTarget, leader: LeaderFacts): HeraldClientError {
  return new HeraldClientError(
    'EXPIRED',
    `the leader of ${election} that is known (epoch ${String(leader.epoch)}) has not been renewed for ` +
      `${String(Math.round(leader.ageMs))} ms: check that electors run, reach etcd, and are linked to ` +
      'the nodes; allowExpired calls it all the same',
  );
}

function unavailable(reason: ClientErrorCode, details: string): StatusObject {
  const metadata = new Metadata();
  metadata.set(reasonKey, reason);
  return { code: status.UNAVAILABLE, details, metadata };
}
