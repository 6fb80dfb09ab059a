/**
 * Decides how far a change of leader has come: how many of the live members say that they have
 * applied the newest one that anybody knows of, and who has not.
 */
import type { ElectionName, NodeId } from './ids.ts';
import { limits } from './limits.ts';
import type { Entry, MemberTable } from './member-table.ts';
import type { BehindMember, Convergence } from './member-view.ts';
import { compareVersions, isNewer } from './version.ts';
import type { Version } from './version.ts';

/**
 * @param own what this member itself holds; of itself it need not wait to be told. Costs a walk over
 * all members, when somebody asks.
 */
export function convergenceOf(
  table: MemberTable,
  self: NodeId,
  election: ElectionName,
  own: Version | undefined,
): Convergence {
  const live = table.of('live');
  const appliedBy = (entry: Entry): Version | undefined =>
    entry.state.contact.nodeId === self ? own : appliedVersion(entry, election);
  let newest = own;
  for (const entry of live) {
    const applied = appliedBy(entry);
    if (applied !== undefined && isNewer(applied, newest)) newest = applied;
  }
  if (newest === undefined) {
    return { election, newest, applied: 0, live: live.length, behind: [] };
  }
  const behind: BehindMember[] = [];
  for (const entry of live) {
    const applied = appliedBy(entry);
    if (applied !== undefined && compareVersions(applied, newest) >= 0) continue;
    const { nodeId, generation } = entry.state.contact;
    behind.push({ nodeId, generation, version: entry.state.version, applied });
  }
  const applied = live.length - behind.length;
  const slowest = behind.sort(fartherBehind).slice(0, limits.behindMax);
  return { election, newest, applied, live: live.length, behind: slowest };
}

function appliedVersion({ state }: Entry, election: ElectionName): Version | undefined {
  return state.application.applied.find((change) => change.election === election)?.version;
}

function fartherBehind(a: BehindMember, b: BehindMember): number {
  if (a.applied === undefined || b.applied === undefined) {
    return Number(b.applied === undefined) - Number(a.applied === undefined);
  }
  return compareVersions(a.applied, b.applied);
}
