/**
 * Judges P2 from every record that anybody was given: none is older than the one before, to the same
 * reader. Also that one version makes one claim, whoever tells it.
 */
import assert from 'node:assert/strict';
import { compareVersions, formatVersion } from '@herald/core';
import type { LeaderAnswer } from '@herald/wire';
import { appliedOf } from '../fixtures/sampling-protocol.ts';
import type { AppliedRecord } from '../fixtures/sampling-protocol.ts';

export class ForwardOnly {
  readonly #last = new Map<string, AppliedRecord>();
  readonly #claims = new Map<string, string>();
  readonly #broken: string[] = [];
  #count = 0;

  /** Records that were judged. */
  get count(): number {
    return this.#count;
  }

  /** Who was given records. */
  get readers(): readonly string[] {
    return [...this.#last.keys()];
  }

  /** What breaks P2, in words; nothing if nothing does. */
  get broken(): readonly string[] {
    return this.#broken;
  }

  /** @param reader Who was given it: each sees its own order. */
  note(reader: string, record: AppliedRecord): void {
    this.#count++;
    const version = formatVersion(record.version);
    const place = `${reader} in ${record.election}`;
    const last = this.#last.get(place);
    if (last !== undefined && compareVersions(record.version, last.version) < 0) {
      this.#broken.push(`${place} was given ${version} after ${formatVersion(last.version)}`);
    }
    this.#last.set(place, record);
    this.#judgeClaim(reader, record, version);
  }

  /** An answer of a node; one that knows nothing must not have known anything before. */
  noteAnswer(reader: string, election: string, { carried }: Pick<LeaderAnswer, 'carried'>): void {
    if (carried !== undefined) {
      this.note(reader, appliedOf(carried.sealed.record));
    } else if (this.#last.has(`${reader} in ${election}`)) {
      this.#broken.push(`${reader} knew ${election}, and then knew nothing`);
    }
  }

  assertHeld(): void {
    assert.deepEqual(this.#broken, [], 'P2: versions only go forward');
  }

  #judgeClaim(reader: string, { election, leaderId }: AppliedRecord, version: string): void {
    const claim = leaderId ?? 'nobody';
    const place = `${election} at ${version}`;
    const known = this.#claims.get(place);
    if (known !== undefined && known !== claim) {
      this.#broken.push(`${reader} was told that ${claim} leads ${place}, others ${known}`);
    }
    this.#claims.set(place, known ?? claim);
  }
}
