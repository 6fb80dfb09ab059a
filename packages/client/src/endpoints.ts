/**
 * Decides whom to ask: seeds, which are never forgotten, and endpoints learnt from members. One that
 * answered with a leader is asked again, so that few connections are open; one that failed is left
 * alone for a while, longer each time, and for as long as it asked for. Somebody can always be asked:
 * when all have failed, the one whose time is up first; only those who asked to be left alone are.
 */
import { jittered, pickOne, pickSome } from '@herald/core';
import type { Address, Random } from '@herald/core';
import { clientLimits, endpointTuning as tuning } from './tuning.ts';

interface Endpoint {
  readonly address: Address;
  readonly isSeed: boolean;
  failures: number;
  /** Not asked before this, unless nobody else is left; 0 when it is in good standing. */
  ejectedUntilMs: number;
  /** It has too much to do and asked not to be asked before this; 0 when it did not. */
  pushedBackUntilMs: number;
  /** Smoothed; `undefined` until it answered. */
  roundTripMs: number | undefined;
}

const nobody: ReadonlySet<Address> = new Set();

export interface EndpointInfo {
  readonly address: Address;
  readonly isSeed: boolean;
  readonly ejected: boolean;
  readonly roundTripMs: number | undefined;
}

export class EndpointPool {
  readonly #endpoints = new Map<Address, Endpoint>();
  readonly #random: Random;
  #preferred: Address | undefined;
  /** Times an endpoint was ejected. */
  ejections = 0;

  constructor(seeds: readonly Address[], random: Random) {
    this.#random = random;
    for (const address of seeds) this.#endpoints.set(address, newEndpoint(address, true));
  }

  /**
   * Whom to ask next.
   *
   * @param exclude Never these: they were asked already.
   * @param avoid Rather not these: their last answer did not help.
   * @param isAstray Those that were learnt have failed: rather a seed, which a user chose.
   * @returns `undefined` when all are excluded, or have asked to be left alone.
   */
  pick(
    nowMs: number,
    exclude: ReadonlySet<Address> = nobody,
    avoid: ReadonlySet<string> = nobody,
    isAstray = false,
  ): Address | undefined {
    const preferred = this.#preferred && this.#endpoints.get(this.#preferred);
    if (preferred !== undefined && preferred.ejectedUntilMs <= nowMs) {
      const { address } = preferred;
      // As nearly always: there is no need to look at the others.
      if (!exclude.has(address) && !avoid.has(address)) return address;
    }
    const candidates = [...this.#endpoints.values()].filter(
      ({ address, pushedBackUntilMs }) => pushedBackUntilMs <= nowMs && !exclude.has(address),
    );
    const standing = candidates.filter(({ ejectedUntilMs }) => ejectedUntilMs <= nowMs);
    const fresh = preferably(standing, ({ address }) => !avoid.has(address));
    const best = isAstray ? preferably(fresh, ({ isSeed }) => isSeed) : fresh;
    if (best.length === 0) {
      return candidates.reduce<Endpoint | undefined>(
        (first, each) =>
          first === undefined || each.ejectedUntilMs < first.ejectedUntilMs ? each : first,
        undefined,
      )?.address;
    }
    const isBest = preferred !== undefined && best.includes(preferred);
    return (isBest ? preferred : pickOne(best, this.#random))?.address;
  }

  /** It answered, whatever the answer was. */
  answered(address: Address, roundTripMs: number): void {
    const endpoint = this.#endpoints.get(address);
    if (endpoint === undefined) return;
    endpoint.failures = 0;
    endpoint.ejectedUntilMs = 0;
    endpoint.pushedBackUntilMs = 0;
    const before = endpoint.roundTripMs ?? roundTripMs;
    endpoint.roundTripMs = before + (roundTripMs - before) * tuning.roundTripWeight;
  }

  /** It answered with a leader: asked first from now on. */
  prefer(address: Address): void {
    if (this.#endpoints.has(address)) this.#preferred = address;
  }

  /**
   * It did not answer, or what it answered was of no use.
   *
   * @param retryAfterMs For how long it asked to be left alone; 0 when it did not.
   */
  failed(address: Address, nowMs: number, retryAfterMs = 0): void {
    const endpoint = this.#endpoints.get(address);
    if (endpoint === undefined) return;
    // Spread upwards only: what it asked for is the least.
    const pushbackMs = Math.min(tuning.ejectCapMs, retryAfterMs);
    const spread = 1 + tuning.ejectJitter * this.#random();
    endpoint.pushedBackUntilMs = pushbackMs > 0 ? nowMs + pushbackMs * spread : 0;
    const ejectMs = Math.min(tuning.ejectCapMs, tuning.ejectBaseMs * 2 ** endpoint.failures);
    if (ejectMs < tuning.ejectCapMs) endpoint.failures++;
    endpoint.ejectedUntilMs = nowMs + jittered(ejectMs, tuning.ejectJitter, this.#random);
    if (this.#preferred === address) this.#preferred = undefined;
    this.ejections++;
  }

  /**
   * For how long nobody may be asked, because all there are have asked to be left alone; 0 when
   * somebody may.
   */
  pushbackMs(nowMs: number): number {
    let firstMs = Infinity;
    for (const { pushedBackUntilMs } of this.#endpoints.values()) {
      firstMs = Math.min(firstMs, pushedBackUntilMs);
    }
    return Math.max(0, firstMs - nowMs);
  }

  /** Smoothed round trip to an endpoint; 0 while it is not known. */
  roundTripMs(address: Address): number {
    return this.#endpoints.get(address)?.roundTripMs ?? 0;
  }

  /** Adds what a node named, as far as there is room; an ejected one makes room. */
  learn(addresses: readonly Address[], nowMs: number): void {
    for (const address of addresses) {
      if (this.#endpoints.has(address)) continue;
      if (this.#learnt().length >= clientLimits.learntEndpointsMax && !this.#makeRoom(nowMs))
        return;
      this.#endpoints.set(address, newEndpoint(address, false));
    }
  }

  /** Replaces what was learnt by a random choice of `addresses`; keeps what it knew of each. */
  relearn(addresses: readonly Address[]): void {
    const listed = addresses.filter((address) => this.#endpoints.get(address)?.isSeed !== true);
    const kept = listed.filter((address) => address === this.#preferred).slice(0, 1);
    const others = listed.filter((address) => address !== this.#preferred);
    const room = clientLimits.learntEndpointsMax - kept.length;
    const chosen = new Set([...kept, ...pickSome(others, room, this.#random)]);
    for (const { address } of this.#learnt()) {
      if (!chosen.has(address)) this.#forget(address);
    }
    for (const address of chosen) {
      if (!this.#endpoints.has(address)) this.#endpoints.set(address, newEndpoint(address, false));
    }
  }

  list(nowMs: number): readonly EndpointInfo[] {
    return [...this.#endpoints.values()].map(
      ({ address, isSeed, ejectedUntilMs, roundTripMs }) => ({
        address,
        isSeed,
        ejected: ejectedUntilMs > nowMs,
        roundTripMs,
      }),
    );
  }

  #learnt(): Endpoint[] {
    return [...this.#endpoints.values()].filter(({ isSeed }) => !isSeed);
  }

  #makeRoom(nowMs: number): boolean {
    const ejected = this.#learnt().find(({ ejectedUntilMs }) => ejectedUntilMs > nowMs);
    if (ejected === undefined) return false;
    this.#forget(ejected.address);
    return true;
  }

  #forget(address: Address): void {
    this.#endpoints.delete(address);
    if (this.#preferred === address) this.#preferred = undefined;
  }
}

/** Those of `all` that are as wished, or all when none is. */
function preferably(
  all: readonly Endpoint[],
  wish: (endpoint: Endpoint) => boolean,
): readonly Endpoint[] {
  const wished = all.filter(wish);
  return wished.length > 0 ? wished : all;
}

function newEndpoint(address: Address, isSeed: boolean): Endpoint {
  return {
    address,
    isSeed,
    failures: 0,
    ejectedUntilMs: 0,
    pushedBackUntilMs: 0,
    roundTripMs: undefined,
  };
}
