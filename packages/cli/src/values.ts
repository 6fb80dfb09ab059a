/** Decides how values on the command line are written: as for every Herald process. */
import { parseAddress, parseElectionName } from '@herald/core';
import { durationMs, parsedBy, wholeNumber } from '@herald/process';
import { InvalidArgumentError } from 'commander';

interface Schema<T> {
  safeParse(text: string):
    | { readonly success: true; readonly data: T }
    | {
        readonly success: false;
        readonly error: { readonly issues: readonly { readonly message: string }[] };
      };
}

function reader<T>(schema: Schema<T>): (text: string) => T {
  return (text) => {
    const outcome = schema.safeParse(text);
    if (outcome.success) return outcome.data;
    throw new InvalidArgumentError(outcome.error.issues[0]?.message ?? 'is not valid');
  };
}

export const readAddress = reader(parsedBy((text) => parseAddress(text)));
export const readElection = reader(parsedBy(parseElectionName));
export const readTimeoutMs = reader(durationMs({ minMs: 1, maxMs: 86_400_000 }));
export const readMaxAgeMs = reader(durationMs({ minMs: 0, maxMs: 86_400_000 }));
const readWholeNumber = reader(wholeNumber({ min: 0 }));

/** Lineages are 32 bits wide on the wire. */
export const readLineage = reader(wholeNumber({ min: 0, max: 2 ** 32 - 1 }));

export function readEpoch(text: string): bigint {
  return BigInt(readWholeNumber(text));
}

/** Adds to what was given before: the flag may be repeated, and a variable holds commas. */
export function readAddresses(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(',').map((each) => readAddress(each.trim()))];
}
