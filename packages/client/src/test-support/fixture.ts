/** Records, and a client in a network in memory under virtual time, for the tests of this package. */
import { parseAddress, parseElectionName, parseNodeId, seededRandom } from '@herald/core';
import type { LeaderClaim, Vacancy, Version } from '@herald/core';
import { createClientOver } from '../client.ts';
import type { Client } from '../client.ts';
import type { ClientOptions } from '../client-options.ts';
import { HeraldClientError } from '../errors.ts';
import { MemoryNetwork } from '../memory/memory-network.ts';
import { VirtualClock } from '../memory/virtual-clock.ts';

export const election = parseElectionName('payments');

export function version(epoch: number, sequence = epoch, renewal = 0, lineage = 0): Version {
  return { lineage, epoch: BigInt(epoch), sequence: BigInt(sequence), renewal };
}

export interface ClaimOptions {
  readonly sequence?: number;
  readonly renewal?: number;
  readonly validityMs?: number;
  /** `undefined` for a leader that is not Herald's. */
  readonly electorAddress?: string | undefined;
}

/** Leader `l<epoch>` at `leader-<epoch>:80`, its elector at `elector-<epoch>:70`. */
export function claim(epoch: number, options: ClaimOptions = {}): LeaderClaim {
  const { sequence = epoch, renewal = 0, validityMs = 3_000 } = options;
  const elector = 'electorAddress' in options ? options.electorAddress : electorOf(epoch);
  return {
    kind: 'leader',
    election,
    version: version(epoch, sequence, renewal),
    issuer: parseNodeId('elector-1'),
    leader: {
      id: parseNodeId(`l${String(epoch)}`),
      address: `leader-${String(epoch)}:80`,
      metadata: { zone: 'a' },
      ...(elector === undefined ? {} : { electorAddress: parseAddress(elector) }),
    },
    validityMs,
  };
}

export function electorOf(epoch: number): string {
  return `elector-${String(epoch)}:70`;
}

/** Nobody leads, after `epoch`. */
export function vacancy(epoch: number, sequence = epoch + 1): Vacancy {
  return {
    kind: 'vacancy',
    election,
    version: version(epoch, sequence),
    issuer: parseNodeId('elector-1'),
  };
}

export interface Fixture extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly client: Client;
}

/** A client of nodes that are at `seeds`. */
export function fixture(
  options: Partial<ClientOptions> & { readonly seed?: number } = {},
): Fixture {
  const { seed = 1, ...rest } = options;
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const client = createClientOver({
    seeds: ['a:1', 'b:1', 'c:1'],
    election,
    clock,
    random: seededRandom(seed),
    transport: network.transport(),
    ...rest,
  });
  return { clock, network, client, [Symbol.asyncDispose]: () => client.close() };
}

/** The code a call failed with, or the promise's value as an error of the test. */
export async function failureOf(promise: Promise<unknown>): Promise<HeraldClientError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof HeraldClientError) return error;
    throw error;
  }
  throw new Error('the call was expected to fail');
}
