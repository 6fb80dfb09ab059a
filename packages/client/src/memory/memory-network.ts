/**
 * Nodes and electors in memory, for tests of the client and of programs that use it: what each one
 * knows, how slow it is and how it fails is set by the test. An answer is reckoned as a real node
 * does it; the network decides nothing for the client.
 */
import { ageMs, compareVersions, parseAddress, recordStatus, validForMs } from '@herald/core';
import type {
  Address,
  ClusterName,
  ElectionName,
  HeldRecord,
  LeaderRecord,
  NodeId,
  Version,
} from '@herald/core';
import type {
  ConfirmResponse,
  ConvergenceAnswer,
  LeaderAnswer,
  MemberInfo,
  MemberList,
} from '@herald/wire';
import { sleep } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { HeraldClientError } from '../errors.ts';
import { onAbort } from '../on-abort.ts';
import type { Transport, TransportCall } from '../transport.ts';

/**
 * - `answers`: as a real node or elector does.
 * - `hangs`: accepts every question and never answers.
 * - `refuses`: cannot be connected to.
 * - `rejects`: answers every question with a refusal, as a server that is no Herald node does.
 * - `busy`: has too much to do, and asks to be left alone for `pushbackMs`.
 */
export type MemoryBehaviour = 'answers' | 'hangs' | 'refuses' | 'rejects' | 'busy';

/** One question that arrived somewhere. */
export interface MemoryQuestion {
  readonly what: 'lookup' | 'watch' | 'members' | 'convergence' | 'confirm';
  readonly endpoint: Address;
  readonly atMs: number;
  readonly version: Version | undefined;
}

export class MemoryEndpoint {
  readonly address: Address;
  behaviour: MemoryBehaviour = 'answers';
  /** What it asks for when it is `busy`. */
  pushbackMs = 1_000;
  /** From question to answer. */
  latencyMs = 0;
  /** What it says when it is behind. */
  ask: readonly Address[] = [];
  /** Whom it lists as members, beside itself and the electors of the leaders that are known anywhere. */
  members: readonly Address[] = [];
  /** As an elector: until when it leads, by the clock of the network; 0 when it does not. */
  leadsUntilMs = 0;
  /** Replaces its answer, for one that lies. */
  lie: ((honest: LeaderAnswer) => LeaderAnswer) | undefined;
  readonly #clock: Clock;
  readonly #electors: () => Iterable<Address>;
  readonly #held = new Map<ElectionName, HeldRecord>();
  readonly #watchers = new Set<() => void>();
  /** Goes up when its watches are dropped. */
  #generation = 0;

  /** @param electors Who they are, at the moment of the question. */
  constructor(address: Address, clock: Clock, electors: () => Iterable<Address> = () => []) {
    this.address = address;
    this.#clock = clock;
    this.#electors = electors;
  }

  /** The electors beside the leaders that it knows of. */
  get electors(): readonly Address[] {
    return [...this.#held.values()].flatMap(({ sealed: { record } }) =>
      record.kind === 'leader' && record.leader.electorAddress !== undefined
        ? [record.leader.electorAddress]
        : [],
    );
  }

  /** It learns `record`, issued `ageMs` ago, whatever it held before. */
  hold(record: LeaderRecord, age = 0, hops = 1): void {
    const sealed = { record, bytes: new Uint8Array(), keyId: '', signature: new Uint8Array() };
    const appliedAtMs = this.#clock.nowMs();
    this.#held.set(record.election, { sealed, appliedAtMs, ageAtApplyMs: age, hops });
    for (const wake of this.#watchers) wake();
  }

  /** It knows nothing of `election` any longer. */
  forget(election: ElectionName): void {
    this.#held.delete(election);
  }

  /** Ends every watch at this node, as a restart does. */
  dropWatches(): void {
    this.#generation++;
    for (const wake of this.#watchers) wake();
  }

  answer(election: ElectionName, minVersion: Version | undefined): LeaderAnswer {
    const held = this.#held.get(election);
    const nowMs = this.#clock.nowMs();
    const nodeId = `node-${this.address.replace(':', '-')}` as NodeId;
    const mine = held?.sealed.record.version;
    const behind =
      minVersion !== undefined &&
      (mine === undefined ||
        compareVersions({ ...mine, renewal: 0 }, { ...minVersion, renewal: 0 }) < 0);
    const honest: LeaderAnswer = {
      status: held === undefined ? 'unknown' : recordStatus(held, nowMs),
      carried: held && { sealed: held.sealed, ageMs: ageMs(held, nowMs), hops: held.hops },
      validForMs: held === undefined ? 0 : validForMs(held, nowMs),
      behind,
      ask: behind ? this.ask : [],
      nodeId,
    };
    return this.lie?.(honest) ?? honest;
  }

  confirm(election: ElectionName, version: Version | undefined): ConfirmResponse {
    const leadingForMs = Math.max(0, this.leadsUntilMs - this.#clock.nowMs());
    const best = this.answer(election, version);
    const leading = leadingForMs > 0 && !best.behind;
    return {
      leading,
      leadingForMs: leading ? leadingForMs : 0,
      best,
      retryAfterMs: 0,
      electorId: best.nodeId,
    };
  }

  list(): MemberList {
    const nodes = new Set([this.address, ...this.members]);
    const electors = [...new Set(this.#electors())].filter((address) => !nodes.has(address));
    const members = [
      ...[...nodes].map((address) => this.#memberAt(address, 'node')),
      ...electors.map((address) => this.#memberAt(address, 'elector')),
    ];
    return { cluster: 'memory' as ClusterName, members };
  }

  #memberAt(address: Address, role: 'node' | 'elector'): MemberInfo {
    const nodeId = `${role}-${address.replace(':', '-')}` as NodeId;
    const contact = { nodeId, generation: 1, address, role };
    return { contact, linked: false, self: address === this.address, roundTripMs: 0 };
  }

  /** As a node that knows of nobody but those it lists, and takes them all to hold what it holds. */
  convergence(election: ElectionName): ConvergenceAnswer {
    const version = this.#held.get(election)?.sealed.record.version;
    const live = 1 + this.members.length;
    return {
      election,
      newest: version && { ...version, renewal: 0 },
      applied: version === undefined ? 0 : live,
      live,
      behind: [],
      nodeId: this.answer(election, undefined).nodeId,
    };
  }

  /** The present answer, then one whenever something new is held; latest wins. */
  async *watch(
    election: ElectionName,
    minVersion: Version | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<LeaderAnswer, void, undefined> {
    const generation = this.#generation;
    while (!signal.aborted && this.#generation === generation) {
      const changed = new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#watchers.delete(wake);
          resolve();
        };
        this.#watchers.add(wake);
        onAbort(signal, wake);
      });
      yield this.answer(election, minVersion);
      await changed;
    }
    if (!signal.aborted) throw new HeraldClientError('UNREACHABLE', 'the node went away');
  }
}

export class MemoryNetwork {
  /** Every question, in order. */
  readonly questions: MemoryQuestion[] = [];
  /** Electors that are members, beside those of the leaders that any endpoint knows of. */
  electors: readonly Address[] = [];
  readonly #clock: Clock;
  readonly #endpoints = new Map<Address, MemoryEndpoint>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The endpoint at `address`, made when it is first named. */
  at(address: string): MemoryEndpoint {
    const key = parseAddress(address);
    const electors = (): readonly Address[] => [
      ...this.electors,
      ...[...this.#endpoints.values()].flatMap((each) => each.electors),
    ];
    const endpoint = this.#endpoints.get(key) ?? new MemoryEndpoint(key, this.#clock, electors);
    this.#endpoints.set(key, endpoint);
    return endpoint;
  }

  /** What a client talks through. */
  transport(): Transport {
    return {
      lookup: async (address, { election, minVersion }, call) => {
        const endpoint = await this.#reach('lookup', address, minVersion, call);
        return endpoint.answer(election, minVersion);
      },
      watch: (address, { election, minVersion }, call) =>
        this.#watch(address, election, minVersion, call),
      members: async (address, call) =>
        (await this.#reach('members', address, undefined, call)).list(),
      convergence: async (address, { election }, call) =>
        (await this.#reach('convergence', address, undefined, call)).convergence(election),
      confirm: async (address, { election, version }, call) => {
        const endpoint = await this.#reach('confirm', address, version, call);
        return endpoint.confirm(election, version);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async *#watch(
    address: Address,
    election: ElectionName,
    minVersion: Version | undefined,
    call: TransportCall,
  ): AsyncGenerator<LeaderAnswer, void, undefined> {
    const endpoint = await this.#reach('watch', address, minVersion, call);
    yield* endpoint.watch(election, minVersion, call.signal);
  }

  /** The way there: recorded, as slow as the endpoint, or never ending. */
  async #reach(
    what: MemoryQuestion['what'],
    address: Address,
    version: Version | undefined,
    { signal }: TransportCall,
  ): Promise<MemoryEndpoint> {
    const endpoint = this.at(address);
    this.questions.push({ what, endpoint: address, atMs: this.#clock.nowMs(), version });
    if (endpoint.latencyMs > 0) await sleep(this.#clock, endpoint.latencyMs, signal);
    if (endpoint.behaviour === 'hangs') await aborted(signal);
    if (signal.aborted) throw new HeraldClientError('UNREACHABLE', 'cancelled');
    if (endpoint.behaviour === 'refuses') {
      throw new HeraldClientError('UNREACHABLE', `connection to ${address} refused`);
    }
    if (endpoint.behaviour === 'rejects') {
      throw new HeraldClientError('REJECTED', `${address} knows no such method`);
    }
    if (endpoint.behaviour === 'busy') {
      const { pushbackMs: retryAfterMs } = endpoint;
      throw new HeraldClientError('UNREACHABLE', `${address} is busy`, { retryAfterMs });
    }
    return endpoint;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    onAbort(signal, resolve);
  });
}
