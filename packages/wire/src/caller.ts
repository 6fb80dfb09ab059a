/**
 * What a call to a leader's server says of its caller: the election and the newest leadership that it
 * knows of, in request metadata, so that a server whose time is over finds out from those it serves.
 */
import { Metadata } from '@grpc/grpc-js';
import { InvalidValueError, parseElectionName } from '@herald/core';
import { wireBounds } from './bounds.ts';
import { WireError } from './errors.ts';
import { decimalIn, textIn } from './metadata-values.ts';
import type { Caller } from './not-leader-messages.ts';

const keys = {
  election: 'herald-election',
  lineage: 'herald-lineage',
  epoch: 'herald-epoch',
} as const;

/**
 * Request metadata that tells what the caller knows.
 *
 * @param onto is added to, and returned; what it said of another caller is replaced.
 */
export function callerMetadata(caller: Caller, onto: Metadata = new Metadata()): Metadata {
  onto.set(keys.election, caller.election);
  onto.set(keys.lineage, String(caller.lineage));
  onto.set(keys.epoch, String(caller.epoch));
  return onto;
}

/**
 * What a caller says that it knows, or undefined when it says nothing, or not all of it in the way that
 * `callerMetadata` does: such a caller is treated like any that knows nothing of Herald. Never throws.
 */
export function readCaller(metadata: Metadata): Caller | undefined {
  try {
    const election = textIn(metadata, keys.election);
    const lineage = decimalIn(metadata, keys.lineage, BigInt(wireBounds.uint32Max));
    const epoch = decimalIn(metadata, keys.epoch, wireBounds.revisionMax);
    if (election === undefined || lineage === undefined || epoch === undefined) return undefined;
    return { election: parseElectionName(election), lineage: Number(lineage), epoch };
  } catch (thrown) {
    if (thrown instanceof WireError || thrown instanceof InvalidValueError) return undefined;
    throw thrown;
  }
}
