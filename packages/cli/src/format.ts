/** What people read. Decides nothing but words and columns. */
import type { LeaderResult, LeaderUpdate } from '@herald/client';
import { assertNever, formatVersion } from '@herald/core';
import type {
  ConvergenceAnswer,
  ElectionStatus,
  MemberFacts,
  MemberList,
  RaiseLineageResponse,
  StatusResponse,
} from '@herald/wire';

/** A span of time with about two digits that matter: `3 ms`, `2.6 s`, `4 min`. */
export function formatSpan(spanMs: number): string {
  if (spanMs < 1) return `${spanMs.toFixed(1)} ms`;
  if (spanMs < 1_000) return `${Math.round(spanMs)} ms`;
  if (spanMs < 60_000) return `${(spanMs / 1_000).toFixed(1)} s`;
  if (spanMs < 3_600_000) return `${Math.round(spanMs / 60_000)} min`;
  return `${(spanMs / 3_600_000).toFixed(1)} h`;
}

export function formatLeader(election: string, leader: LeaderResult): string {
  const isCurrent = leader.status === 'current';
  const claim = isCurrent ? 'is led by' : 'was last led by';
  const lines: (readonly [string, string])[] = [
    ['address', leader.address],
    ['epoch', `${leader.epoch} (version ${formatVersion(leader.version)})`],
    ['age', `${formatSpan(leader.ageMs)}, ${formatValidity(leader)}`],
    ['verified', leader.verified ? 'yes, its elector says that it leads' : 'no'],
    ['told by', formatSource(leader)],
  ];
  if (leader.electorAddress !== undefined) lines.splice(1, 0, ['elector', leader.electorAddress]);
  for (const [key, value] of Object.entries(leader.metadata)) {
    lines.push(['metadata', `${key}=${value}`]);
  }
  return `${election} ${claim} ${leader.leaderId}\n${formatFacts(lines)}`;
}

function formatValidity({ status, validForMs }: LeaderResult): string {
  return status === 'current'
    ? `valid for another ${formatSpan(validForMs)}`
    : 'expired: nobody has renewed it';
}

function formatSource({ hops, source }: LeaderResult): string {
  const way = hops === 1 ? '1 hop' : `${hops} hops`;
  return `${source.nodeId} at ${source.endpoint}, ${way} from the elector that issued it`;
}

function formatFacts(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, text]) => `  ${name.padEnd(width)}  ${text}\n`).join('');
}

/** One line per change. */
export function formatUpdate(timeOfDay: string, update: LeaderUpdate): string {
  const { epoch, hops, status } = update;
  const age = `${formatSpan(update.ageMs)} old, ${hops} hops`;
  switch (status) {
    case 'current':
      return `${timeOfDay}  leader   epoch ${epoch}  ${update.leaderId} at ${update.address}  (${age})\n`;
    case 'expired':
      return `${timeOfDay}  expired  epoch ${epoch}  ${update.leaderId} at ${update.address}  (${age})\n`;
    case 'vacant':
      return `${timeOfDay}  vacant   epoch ${epoch} ended, nobody leads  (${age})\n`;
    default:
      return assertNever(update);
  }
}

export function formatMembers(list: MemberList): string {
  const rows = [...list.members]
    .sort((a, b) => a.contact.nodeId.localeCompare(b.contact.nodeId, 'en', { numeric: true }))
    .map(({ contact, facts, linked, roundTripMs, self }) => [
      contact.nodeId,
      contact.address,
      contact.role,
      formatStanding(facts),
      facts === undefined ? '' : formatSpan(facts.sinceMs),
      self ? 'asked' : linked ? 'linked' : '',
      linked && roundTripMs > 0 ? formatSpan(roundTripMs) : '',
      facts?.zone ?? '',
      facts?.build ?? '',
    ]);
  const header = [
    'MEMBER',
    'ADDRESS',
    'ROLE',
    'STATE',
    'FOR',
    'LINK',
    'ROUND TRIP',
    'ZONE',
    'BUILD',
  ];
  return `${formatTable(header, rows)}${countMembers(list)} in cluster ${list.cluster}\n`;
}

/** `up`, `joining`, `leaving`, `left`, or what others make of it: `unreachable`, `up, doubted by 1`. */
function formatStanding(facts: MemberFacts | undefined): string {
  if (facts === undefined) return 'heard of';
  const { reachability, status, suspectedBy } = facts;
  if (status === 'left') return 'left';
  if (reachability === 'unreachable') return `unreachable, say ${suspectedBy}`;
  return suspectedBy > 0 ? `${status}, doubted by ${suspectedBy}` : status;
}

/** `12 members: 10 live, 1 unreachable, 1 left`; what nobody is, is left out. */
function countMembers({ members }: MemberList): string {
  const kinds = members.map(({ facts }) => {
    if (facts === undefined) return 'heard of';
    if (facts.status === 'left') return 'left';
    return facts.reachability === 'reachable' ? 'live' : 'unreachable';
  });
  const counts = ['live', 'unreachable', 'left', 'heard of'].flatMap((kind) => {
    const count = kinds.filter((each) => each === kind).length;
    return count === 0 ? [] : `${count} ${kind}`;
  });
  return `${members.length === 1 ? '1 member' : `${members.length} members`}: ${counts.join(', ')}`;
}

/** `498 of 500 live members at epoch 17`, and who is behind. */
export function formatConvergence(answer: ConvergenceAnswer): string {
  const { applied, behind, election, live, newest, nodeId } = answer;
  if (newest === undefined) return `${election}: no live member knows of it, says ${nodeId}\n`;
  const head = `${election}: ${applied} of ${live} live members at epoch ${newest.epoch}, says ${nodeId}\n`;
  const rows = behind.map((member) => [
    member.nodeId,
    member.applied === undefined ? 'told of none' : formatVersion(member.applied),
  ]);
  return rows.length === 0 ? head : `${head}${formatTable(['BEHIND', 'APPLIED'], rows)}`;
}

export function formatStatus(status: StatusResponse): string {
  const rows = status.elections.map((election) => [
    election.election,
    election.state,
    election.epoch === 0n ? '' : String(election.epoch),
    election.state === 'leading' ? formatSpan(election.leadingForMs) : '',
    formatBest(election),
    election.trouble,
  ]);
  const header = ['ELECTION', 'STATE', 'EPOCH', 'FOR ANOTHER', 'LEADER', 'TROUBLE'];
  return `elector ${status.electorId}\n${formatTable(header, rows)}`;
}

/** What an elector finds of etcd's history, and what is or was done about it. */
export function formatRaise(found: RaiseLineageResponse): string {
  const { clusterId, electorId, lineageBefore, outcome, raisedTo, revision, tierLineage } = found;
  const head = `elector ${electorId}, etcd cluster ${clusterId} at revision ${revision}\n`;
  const rows: (readonly [string, string])[] = [
    ['found', found.trouble === '' ? 'nothing wrong' : found.trouble],
    ['lineage', `${lineageBefore ?? 'none'} in etcd, ${tierLineage} in the tier`],
  ];
  if (found.waitMs > 0) {
    rows.push(['waits', `${found.waitFor}, for another ${formatSpan(found.waitMs)} at most`]);
  }
  const facts = `${head}${formatFacts(rows)}`;
  switch (outcome) {
    case 'raised':
      return `${facts}raised to lineage ${raisedTo}: every elector goes on by itself\n`;
    case 'not-needed':
      return `${facts}nothing was changed: no elector needs a higher lineage\n`;
    case 'would-raise':
    case 'leader-lives':
      return `${facts}nothing was changed. ${explainRaise(raisedTo)}`;
    default:
      return assertNever(outcome);
  }
}

function explainRaise(raisedTo: number): string {
  return (
    `With --yes, lineage ${raisedTo} is written to this etcd:\n` +
    'every elector goes on in it by itself, and all that was published before is older than what follows.\n' +
    'Be sure that this etcd is the one to keep: there is no way back to a lower lineage.\n'
  );
}

function formatBest({ best }: ElectionStatus): string {
  const record = best.carried?.sealed.record;
  if (record === undefined) return 'unknown';
  if (record.kind === 'vacancy') return 'vacant';
  return `${record.leader.id} (${best.status})`;
}

/** Columns as wide as their widest cell; those that are empty in every row are left out. */
function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const kept = header.map((_, column) => rows.some((row) => (row[column] ?? '') !== ''));
  const pick = (row: readonly string[]): string[] => row.filter((_, column) => kept[column]);
  const lines = [pick(header), ...rows.map(pick)];
  const widths = pick(header).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}
