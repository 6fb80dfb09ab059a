/**
 * Decides who leads an election and where a candidate stands in line, from its keys alone: the
 * lowest create revision leads. A pure function, since everything else hangs on it.
 */

/** What of a candidate's key decides. */
export interface Standee {
  readonly key: string;
  readonly createRevision: bigint;
}

export type OwnStanding =
  /** The key is not there: its lease ended, or somebody deleted it. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'leading' }
  /** `position` candidates stand before it; the nearest of them is the `predecessor`. */
  | { readonly kind: 'waiting'; readonly position: number; readonly predecessor: string };

export interface Standing<Key extends Standee> {
  readonly leader: Key | undefined;
  readonly own: OwnStanding;
}

/**
 * Order of succession. Only a transaction that no recipe makes gives two keys one create revision;
 * then the key's name decides, so that all electors see the same leader.
 */
export function inLine(a: Standee, b: Standee): number {
  if (a.createRevision !== b.createRevision) return a.createRevision < b.createRevision ? -1 : 1;
  if (a.key === b.key) return 0;
  return a.key < b.key ? -1 : 1;
}

/** @param own Create revision of the own key; a key of that name created anew is not it. */
export function standingOf<Key extends Standee>(
  keys: readonly Key[],
  own: Standee | undefined,
): Standing<Key> {
  const line = keys.toSorted(inLine);
  const leader = line[0];
  const position = line.findIndex(
    ({ key, createRevision }) => key === own?.key && createRevision === own.createRevision,
  );
  const before = line[position - 1];
  if (position < 0) return { leader, own: { kind: 'absent' } };
  if (before === undefined) return { leader, own: { kind: 'leading' } };
  return { leader, own: { kind: 'waiting', position, predecessor: before.key } };
}
