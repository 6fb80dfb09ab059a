/**
 * Decides which records a client may believe at all, before it asks which is newer: those of its election
 * that a trusted key has signed, and whose leader is where its user allows. Also decides what is said of
 * somebody who tells another one, and that it is counted.
 */
import type { ElectionName, SealedRecord } from '@herald/core';
import type { LeaderAnswer, RecordCheck, RecordObjection } from '@herald/wire';
import type { AttemptOutcome } from './attempts.ts';
import { HeraldClientError } from './errors.ts';
import type { Targets } from './targets.ts';

/** Why a record is not believed; for people, and as the outcome of the question that brought it. */
export interface Objection {
  readonly outcome: Extract<AttemptOutcome, 'rejected' | 'untrusted'>;
  readonly detail: string;
}

export interface Believer {
  readonly election: ElectionName;
  readonly targets: Targets;
  /** Without one, signatures are not looked at. */
  readonly trust: RecordCheck | undefined;
}

const untrustedDetails: Readonly<Record<RecordObjection, string>> = {
  unsigned: 'its record is not signed',
  'unknown-key': 'its record is signed by a key that is not among the trusted keys',
  'bad-signature': 'its record does not carry the signature that it claims',
};

/** @returns `undefined` when the record may be believed. */
export function objectionTo(sealed: SealedRecord, believer: Believer): Objection | undefined {
  const { election, targets, trust } = believer;
  const { record } = sealed;
  // First of all: what is not signed says nothing, whatever it says.
  const untrusted = trust?.objectionTo(sealed);
  if (untrusted !== undefined) {
    return { outcome: 'untrusted', detail: untrustedDetails[untrusted] };
  }
  if (record.election !== election) {
    return { outcome: 'rejected', detail: `it spoke of election ${record.election}` };
  }
  if (targets.admits(record)) return undefined;
  const where = record.kind === 'leader' ? record.leader.address : 'nowhere';
  const detail = `it named a leader at ${where}, which allowTargets does not allow`;
  return { outcome: 'rejected', detail };
}

/** @throws HeraldClientError `UNTRUSTED` when the answer carries a record that may not be believed. */
export function checkTrusted({ carried }: LeaderAnswer, trust: RecordCheck | undefined): void {
  const untrusted = carried && trust?.objectionTo(carried.sealed);
  if (untrusted === undefined) return;
  throw new HeraldClientError('UNTRUSTED', untrustedDetails[untrusted]);
}

/** `trust`, with `onRefused` told of each record that it does not believe. */
export function counted(trust: RecordCheck, onRefused: () => void): RecordCheck {
  return {
    objectionTo: (sealed) => {
      const objection = trust.objectionTo(sealed);
      if (objection !== undefined) onRefused();
      return objection;
    },
    onReplaced: (listener) => trust.onReplaced(listener),
  };
}
