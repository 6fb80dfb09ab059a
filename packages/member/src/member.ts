/**
 * A running gossip member: the shell around the core's engine. It feeds the engine with what happens
 * on streams and with the time, and carries out the effects; it decides nothing of the protocol.
 */
import { Engine, assertNever, isNewer } from '@herald/core';
import type {
  Address,
  ApplicationFacts,
  ChangeTrace,
  CloseCause,
  ClusterName,
  Contact,
  Effect,
  ElectionName,
  HeldRecord,
  Input,
  LeaderRecord,
  LinkId,
  LinkView,
  MemberCounts,
  NodeId,
  Role,
  Version,
  Vouched,
} from '@herald/core';
import { encodeRecord } from '@herald/wire';
import type { ConvergenceAnswer, IncomingFrame, LeaderAnswer, MemberList } from '@herald/wire';
import { answerFrom, isBehind, whomToAsk } from './answer.ts';
import { generationNow, monotonicNowMs } from './clocks.ts';
import { ended } from './drain.ts';
import { Dialer } from './dialer.ts';
import { LinkStream } from './link-stream.ts';
import { listMembers } from './member-list.ts';
import { logLink, logMember, logRefusal } from './member-log.ts';
import type { MemberParts } from './member-parts.ts';
import type { FrameStream } from './link-stream.ts';
import type { MemberLogger, MemberOptions } from './options.ts';
import { PeerGate, peerLimits } from './peer-gate.ts';
import { RecordGate } from './record-gate.ts';
import type { MemberStats } from './stats.ts';
import { silentLogger } from './silent-logger.ts';
import { TokenBucket } from './token-bucket.ts';
import { Watchers } from './watchers.ts';

export class Member implements AsyncDisposable {
  readonly cluster: ClusterName;
  /** Where the server listens. */
  readonly listening: { readonly host: string; readonly port: number };
  readonly #options: MemberOptions;
  readonly #logger: MemberLogger;
  readonly #parts: MemberParts;
  readonly #engine: Engine;
  readonly #streams = new Map<LinkId, LinkStream>();
  readonly #dialer: Dialer;
  readonly #watchers = new Watchers();
  readonly #gate = new PeerGate();
  readonly #closingListeners = new Set<() => void>();
  readonly #records: RecordGate;
  readonly #stopFollowingTrust: (() => void) | undefined;
  readonly #inputs: Input[] = [];
  #handling = false;
  #timer: NodeJS.Timeout | undefined;
  #timerDueMs = Infinity;
  #closed = false;
  #closing: Promise<void> | undefined;

  /** Use `createMember`. */
  constructor(options: MemberOptions, parts: MemberParts, address: Address) {
    const { stats, entrance, gatekeeper } = parts;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#parts = parts;
    this.#records = new RecordGate(options.trust, this.#logger);
    this.listening = { ...options.listen, port: entrance.port };
    this.cluster = options.cluster;
    const self: Contact = {
      nodeId: options.nodeId,
      generation: generationNow(),
      address,
      role: options.role,
    };
    this.#dialer = new Dialer(gatekeeper, stats, {
      dialed: (link, stream, vouched) => {
        this.#adopt(link, stream);
        this.#feed({ kind: 'link-dialed', link, vouched });
      },
      failed: (link, reason, cause) => {
        this.#feed({ kind: 'link-closed', link, reason, cause });
      },
    });
    this.#engine = new Engine({
      cluster: options.cluster,
      self,
      seeds: options.seeds,
      ...(options.application === undefined ? {} : { application: options.application }),
      random: options.random ?? Math.random,
      nowMs: this.nowMs(),
      ...(options.tuning === undefined ? {} : { tuning: options.tuning }),
    });
    this.#stopFollowingTrust = options.trust?.onReplaced(() => {
      this.#disown();
    });
    this.#feed({ kind: 'wake' });
  }

  /** Who it is; the generation rises when it has to take its node id back from another process. */
  get contact(): Contact {
    return this.#engine.self;
  }

  get nodeId(): NodeId {
    return this.contact.nodeId;
  }

  get address(): Address {
    return this.contact.address;
  }

  /** What its records are signed with; empty when they are not. */
  get signingKeyId(): string {
    return this.#options.signer?.keyId ?? '';
  }

  /** Milliseconds of CLOCK_MONOTONIC: comparable between the processes of one machine. */
  nowMs(): number {
    return monotonicNowMs();
  }

  /**
   * Signs a record that was issued `issuedAgoMs` ago, and spreads it. Returns false, and does nothing, when it is
   * not newer than the one held, or the member is closed.
   * @throws WireError when the record breaks a limit.
   */
  publish(record: LeaderRecord, issuedAgoMs = 0): boolean {
    const held = this.leader(record.election);
    if (this.#closed) return false;
    if (!isNewer(record.version, held?.sealed.record.version)) return false;
    const sealed = encodeRecord(record, this.#options.signer);
    this.#feed({ kind: 'publish', sealed, ageMs: issuedAgoMs });
    return true;
  }

  leader(election: ElectionName): HeldRecord | undefined {
    return this.#engine.held(election);
  }

  elections(): readonly ElectionName[] {
    return this.#engine.elections();
  }

  /** How the last change of this election came here and went on. */
  trace(election: ElectionName): ChangeTrace | undefined {
    return this.#engine.trace(election);
  }

  /**
   * What this member knows. A caller that knows a newer change than `minVersion` allows is told that
   * we are behind and whom to ask, and makes us ask around: a question heals the node.
   */
  answer(election: ElectionName, minVersion?: Version): LeaderAnswer {
    const held = this.leader(election);
    const behind = isBehind(held, minVersion);
    const ask = behind ? whomToAsk(this.links()) : [];
    if (behind) this.#feed({ kind: 'pull' });
    return answerFrom(held, { nodeId: this.nodeId, nowMs: this.nowMs(), behind, ask });
  }

  /** The present answer at once, then one for each change and at expiry; the newest wins. */
  watch(
    election: ElectionName,
    options: { readonly signal?: AbortSignal; readonly includeRenewals?: boolean } = {},
  ): AsyncIterable<LeaderAnswer> {
    return this.#watchers.watch(election, () => this.answer(election), options);
  }

  /** Notes members that were learnt of elsewhere; they are tried for ever, as seeds are. */
  introduce(addresses: readonly Address[], role: Role): void {
    this.#feed({ kind: 'introduce', addresses, role });
  }

  /** Everybody this member knows of: what they say of themselves, and what is made of it. */
  members(): MemberList {
    const known = {
      self: this.contact,
      contacts: this.#engine.contacts(),
      members: this.#engine.members(),
      links: this.links(),
    };
    return listMembers(this.cluster, known, this.nowMs());
  }

  /** How many members take part, are unreachable, and left lately; this one is among the live. */
  memberCounts(): MemberCounts {
    return this.#engine.memberCounts;
  }

  /** How many of the live members have applied the newest change of this election, and who has not. */
  convergence(election: ElectionName): ConvergenceAnswer {
    const { newest, applied, live, behind } = this.#engine.convergence(election);
    return { election, newest, applied, live, behind, nodeId: this.nodeId };
  }

  /**
   * Changes what all others are told of this member; what is not given stays.
   * @throws InvalidValueError when it breaks a limit.
   */
  describe(facts: Partial<ApplicationFacts>): void {
    this.#feed({ kind: 'set-application', facts });
  }

  links(): readonly LinkView[] {
    return this.#engine.links();
  }

  /** Whether it knows of others but has had no link for a while. */
  isIsolated(): boolean {
    return this.#engine.isolated;
  }

  stats(): MemberStats {
    const { connections, gatekeeper, stats } = this.#parts;
    return stats.read(this.#engine, this.#watchers.size, {
      recordsRefused: this.#records.refused,
      turnedAway: gatekeeper?.refusals ?? {},
      connectionsRefused: connections.refused,
    });
  }

  /** Takes a stream that somebody opened from that host; called by the server. */
  accept(stream: FrameStream, host: string, vouched?: Vouched): void {
    if (this.#closed) {
      stream.abort('this member is stopping');
      return;
    }
    const verdict = this.#gate.judge(host, this.nowMs());
    if (verdict !== 'welcome') {
      this.#parts.stats.noteLimited();
      this.#logger.debug({ host, verdict }, 'link refused');
      stream.abort(`${host} opens too many links: ${verdict}`);
      return;
    }
    const link = this.#engine.newLinkId();
    this.#gate.enter(link, host);
    this.#adopt(link, stream);
    this.#feed({ kind: 'link-accepted', link, vouched });
  }

  /**
   * Calls `listener` once, when the member begins to stop; at once if it has. For conversations that
   * have no end of their own.
   *
   * @returns Stops listening.
   */
  onClosing(listener: () => void): () => void {
    if (this.#closed) listener();
    else this.#closingListeners.add(listener);
    return () => {
      this.#closingListeners.delete(listener);
    };
  }

  /** Ends links, watches and the server. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Inputs are handled one at a time and in order, also those that effects give rise to. */
  #feed(input: Input): void {
    if (this.#closed) return;
    this.#inputs.push(input);
    if (this.#handling) return;
    this.#handling = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        for (const effect of this.#engine.handle(next, this.nowMs())) this.#carryOut(effect);
      }
    } finally {
      this.#handling = false;
    }
    this.#armTimer();
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'dial':
        this.#dialer.dial(effect);
        return;
      case 'send':
        this.#send(effect.link, effect);
        return;
      case 'close':
        this.#streams.get(effect.link)?.close();
        this.#forget(effect.link, effect.reason);
        return;
      case 'applied':
        this.#options.observer?.applied?.(effect.held, effect.isChange);
        this.#watchers.notify(
          effect.held.sealed.record.election,
          !effect.isChange && !effect.revives,
        );
        return;
      case 'expired':
      case 'disowned':
        this.#watchers.notify(effect.election, false);
        return;
      case 'link-up':
      case 'link-down':
        logLink(this.#logger, effect);
        return;
      case 'refused':
        logRefusal(this.#logger, effect);
        return;
      case 'isolation':
        if (effect.isolated) this.#logger.warn({}, 'isolated: no link to any member');
        else this.#logger.info({}, 'linked to the tier');
        return;
      case 'member-changed':
        this.#options.observer?.memberChanged?.(effect.view, effect.previous);
        logMember(this.#logger, effect);
        return;
      case 'identity-conflict': {
        const { ours, theirs } = effect;
        this.#logger.error({ ours, theirs }, 'another process uses the node id of this member');
        return;
      }
      default:
        assertNever(effect);
    }
  }

  #adopt(link: LinkId, stream: FrameStream): void {
    const frames = new TokenBucket(peerLimits.framesPerLink, this.nowMs());
    const linkStream = new LinkStream(stream, () => this.nowMs(), {
      frame: (frame) => {
        if (frames.take(this.nowMs())) this.#receive(link, frame);
        else this.#endFlood(link);
      },
      ended: (reason, cause) => {
        this.#forget(link, reason, cause);
      },
    });
    this.#streams.set(link, linkStream);
  }

  #receive(link: LinkId, frame: IncomingFrame): void {
    switch (frame.kind) {
      case 'unknown':
        return;
      case 'malformed':
        this.#breakOff(link, `malformed frame: ${frame.error.message}`);
        return;
      case 'push': {
        const verdict = this.#records.judge(frame.sealed, link, this.nowMs());
        if (verdict.kind === 'pass') this.#feed({ kind: 'frame', link, frame });
        else if (verdict.kind === 'close') this.#breakOff(link, verdict.reason);
        return;
      }
      default:
        this.#feed({ kind: 'frame', link, frame });
    }
  }

  /** Ends a link at once, because of what the other end sent or does not read. */
  #breakOff(link: LinkId, reason: string): void {
    this.#logger.warn({ link, reason }, 'link closed');
    this.#streams.get(link)?.abort(reason);
    this.#forget(link, reason);
  }

  #endFlood(link: LinkId): void {
    this.#parts.stats.noteLimited();
    this.#breakOff(link, 'too many frames');
  }

  #send(link: LinkId, { frame }: Extract<Effect, { kind: 'send' }>): void {
    const stream = this.#streams.get(link);
    if (stream === undefined) return;
    if (!stream.send(frame)) this.#breakOff(link, 'the other end does not read');
  }

  #forget(link: LinkId, reason: string, cause: CloseCause = 'ended'): void {
    this.#streams.delete(link);
    this.#gate.leave(link);
    this.#dialer.cancel(link);
    this.#feed({ kind: 'link-closed', link, reason, cause });
  }

  /** Lets go of what a key has signed that is trusted no longer. */
  #disown(): void {
    const distrusted = this.elections().filter((election) =>
      this.#records.isDistrusted(this.leader(election)),
    );
    if (distrusted.length === 0) return;
    this.#logger.warn(
      { elections: distrusted },
      'records disowned: their key is not trusted any more',
    );
    this.#feed({ kind: 'disown', elections: distrusted });
  }

  #armTimer(): void {
    const dueMs = this.#engine.nextWakeMs;
    if (this.#closed || dueMs >= this.#timerDueMs) return;
    clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    this.#timer = setTimeout(
      () => {
        // What has arrived already is read before time passes: after a pause of our own, a look at
        // the clock alone would take news that waits in the sockets for news that never came.
        setImmediate(() => {
          this.#timerDueMs = Infinity;
          if (this.#engine.nextWakeMs <= this.nowMs()) this.#feed({ kind: 'wake' });
          else this.#armTimer();
        });
      },
      Math.max(0, Math.ceil(dueMs - this.nowMs())),
    );
  }

  async #shutDown(): Promise<void> {
    this.#feed({ kind: 'leave' });
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#stopFollowingTrust?.();
    this.#watchers.close();
    for (const listener of this.#closingListeners) listener();
    this.#dialer.close();
    this.#parts.entrance.close();
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.close();
    await ended(this.#parts.server, streams);
    this.#parts.entrance.destroy();
  }
}
