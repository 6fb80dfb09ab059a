/**
 * Decides how soon an elector reads the election after its watch told of a change. Whoever takes over
 * reads at once. A bystander lets the successor speak first: its own read could only repeat what the
 * whole tier is being told at that very moment, and would compete with it. A moment later it looks in
 * any case, so that news never depends on one elector.
 */
import type { WatchBatch } from '../etcd/watch.ts';
import type { CandidateKey, ElectionView } from './view.ts';

/**
 * @param view The last read, of before the change.
 * @param about Which keys are this elector's, and whose deletion it knew of before the watch told.
 */
export function isUrgent(
  batch: WatchBatch,
  view: ElectionView | undefined,
  about: {
    readonly isOwn: (key: CandidateKey) => boolean;
    readonly known: ReadonlySet<bigint>;
  },
): boolean {
  // Without a whole view, nobody can say who is next.
  if (view === undefined || view.isTruncated) return true;
  const gone = new Set(batch.deletions.map(({ createRevision }) => createRevision));
  const next = view.candidates.find(({ createRevision }) => !gone.has(createRevision));
  // Nobody is left that we know of, so nobody else may tell.
  if (next === undefined) return true;
  const lostOwn = view.candidates.some(
    (key) =>
      gone.has(key.createRevision) && !about.known.has(key.createRevision) && about.isOwn(key),
  );
  if (lostOwn) return true; // leadership must end before a successor's begins
  if (about.isOwn(next)) return next !== view.candidates[0];
  // A candidate of another make has no elector that would tell the tier.
  return next.candidate.kind === 'foreign';
}
