/**
 * Decides where a client lets itself be led: what it may ask because a node named it (hints, electors),
 * and which leaders it takes from records. It may ask its seeds, the members that a node listed, and what
 * its user allows. Where a user gives a list, a record whose leader is elsewhere is not believed at all, so
 * that a node that lies about the address costs one more question. This bounds what a node can do to its
 * clients; what proves a record is its signature.
 */
import type { Address, ElectionName, LeaderRecord } from '@herald/core';
import { HeraldClientError } from './errors.ts';
import { clientLimits } from './tuning.ts';

/**
 * `host:port`, where `*` stands for any characters but a colon: `10.0.*:8080`, `*.payments.svc:*`. Or a
 * function of such an address.
 */
export type AllowTargets = readonly string[] | ((address: string) => boolean);

type Predicate = (address: string) => boolean;

export class Targets {
  readonly #seeds: ReadonlySet<string>;
  readonly #isAllowed: Predicate | undefined;
  #members: ReadonlySet<string> | undefined;

  constructor(seeds: readonly Address[], isAllowed?: Predicate) {
    this.#seeds = new Set(seeds);
    this.#isAllowed = isAllowed;
  }

  /** What a node lists replaces what was listed before. */
  list(members: readonly Address[]): void {
    this.#members = new Set(members);
  }

  /** Whether `address`, which somebody named, may be asked. Before there is a list: anything. */
  mayAsk(address: string): boolean {
    if (this.#members === undefined || this.#members.has(address)) return true;
    return this.#seeds.has(address) || this.allows(address);
  }

  /** Whether the user allows `address`, by name. */
  allows(address: string): boolean {
    return this.#isAllowed?.(address) === true;
  }

  /** Whether a record may be believed, as far as where its leader is goes. */
  admits(record: LeaderRecord): boolean {
    if (record.kind === 'vacancy' || this.#isAllowed === undefined) return true;
    return this.#isAllowed(record.leader.address);
  }
}

/** Why a record that a node told may not be believed, for people; `undefined` when it may. */
export function objectionTo(
  record: LeaderRecord,
  client: { readonly election: ElectionName; readonly targets: Targets },
): string | undefined {
  if (record.election !== client.election) return `it spoke of election ${record.election}`;
  if (client.targets.admits(record)) return undefined;
  const where = record.kind === 'leader' ? record.leader.address : 'nowhere';
  return `it named a leader at ${where}, which allowTargets does not allow`;
}

/** @throws HeraldClientError `INVALID_ARGUMENT` that names the pattern. */
export function parseAllowTargets(allow: AllowTargets | undefined): Predicate | undefined {
  if (allow === undefined || typeof allow === 'function') return allow;
  const { allowTargetsMax } = clientLimits;
  if (allow.length > allowTargetsMax) {
    const rule = `must be at most ${String(allowTargetsMax)} patterns, got ${String(allow.length)}`;
    throw new HeraldClientError('INVALID_ARGUMENT', `allowTargets: ${rule}`);
  }
  const patterns = allow.map(patternOf);
  return (address) => patterns.some((pattern) => pattern.test(address));
}

function patternOf(text: string, index: number): RegExp {
  if (!/^[^\s]+:([0-9]+|\*)$/.test(text)) {
    const field = `allowTargets[${String(index)}]`;
    const rule = `must be host:port, with * for any characters, got ${JSON.stringify(text)}`;
    throw new HeraldClientError('INVALID_ARGUMENT', `${field}: ${rule}`);
  }
  const literal = text.replace(/[\\^$.|?+()[\]{}]/g, '\\$&').replace(/\*+/g, '[^:]*');
  return new RegExp(`^${literal}$`, 'i');
}
