/**
 * The one way on when etcd's history was lost: a mark with a higher lineage, written by an operator's
 * command through any elector. Decides when that may be done, and how high.
 *
 * It is done only where it is needed, so that a command given by mistake changes nothing. And where the
 * history was lost it is done only when no leader can be left: the leases of the old etcd protect nobody in
 * this one, so that a successor must not begin before the last record of its predecessor has expired.
 */
import { formatVersion, recordStatus, validForMs } from '@herald/core';
import type { Logger } from '@herald/process';
import type { RaiseLineageRequest, RaiseLineageResponse } from '@herald/wire';
import { ElectorError } from '../errors.ts';
import type { EtcdKeyspace, HistoryRead } from '../etcd/keyspace.ts';
import type { Tier } from '../tier.ts';
import type { History } from './history.ts';
import { formatMark, lineageMax, readMark } from './mark.ts';

export interface RaiseContext {
  readonly history: History;
  readonly keyspace: EtcdKeyspace;
  readonly tier: Pick<Tier, 'leader' | 'nowMs'>;
  readonly logger: Logger;
}

/** What an elector says of a raise, without its own name. */
export type RaiseAnswer = Omit<RaiseLineageResponse, 'electorId'>;

/** @throws ElectorError when etcd cannot be asked; `FENCED` when another raise came in between */
export async function raiseLineage(
  context: RaiseContext,
  request: RaiseLineageRequest,
): Promise<RaiseAnswer> {
  const { history, keyspace, logger } = context;
  const read = await look(context);
  const found = describe(context, read, request);
  if (found.outcome !== 'would-raise' || request.dryRun) return found;

  const { clusterId, markKey } = read;
  const { lineageBefore, raisedTo, trouble } = found;
  const value = formatMark({ lineage: raisedTo, clusterId });
  const modRevision = markKey?.modRevision ?? 0n;
  if (
    !(await keyspace.putUnlessChanged(history.markKey, modRevision, value, { anyCluster: true }))
  ) {
    throw new ElectorError('FENCED', 'the lineage was changed at the same time: look again');
  }
  logger.warn({ lineageBefore, raisedTo, trouble }, 'lineage raised by an operator');
  await look(context);
  return { ...found, outcome: 'raised' };
}

/** What etcd says at this moment; whether that is refused shows in the history. */
async function look({ history, keyspace }: RaiseContext): Promise<HistoryRead> {
  const before = history.before();
  const read = await keyspace.readHistory(history.markKey);
  try {
    history.take(read, before);
  } catch (error) {
    if (history.refusal === undefined) throw error;
  }
  return read;
}

function describe(
  context: RaiseContext,
  { clusterId, markKey, revision }: HistoryRead,
  { knownLineage, atLeast }: RaiseLineageRequest,
): RaiseAnswer {
  const { history } = context;
  const { refusal = '', refusedLineage = 0 } = history;
  const lineageBefore = markKey === undefined ? undefined : readMark(markKey.value)?.lineage;
  const tierLineage = Math.max(knownLineage, history.newestInTier()?.lineage ?? 0);
  const raisedTo = Math.max(atLeast, 1 + Math.max(lineageBefore ?? 0, tierLineage, refusedLineage));
  const living = refusal === '' ? undefined : lastLeader(context);
  const facts = {
    ...{ trouble: refusal, clusterId, revision, lineageBefore, tierLineage, raisedTo },
    waitMs: living?.waitMs ?? 0,
    waitFor: living?.waitFor ?? '',
  };
  if (raisedTo > lineageMax) {
    throw new ElectorError('LINEAGE_EXHAUSTED', `there is no lineage above ${lineageMax}`);
  }
  const isWanted = atLeast > (lineageBefore ?? 0) || tierLineage > (lineageBefore ?? 0);
  if (refusal === '' && !isWanted) return { outcome: 'not-needed', ...facts, raisedTo: 0 };
  return { outcome: living === undefined ? 'would-raise' : 'leader-lives', ...facts };
}

/** The leader, of any election, whose last record can be true for the longest; undefined: none can. */
function lastLeader({
  history,
  tier,
}: RaiseContext): { readonly waitMs: number; readonly waitFor: string } | undefined {
  const nowMs = tier.nowMs();
  let last: { readonly waitMs: number; readonly waitFor: string } | undefined;
  for (const election of history.elections) {
    const held = tier.leader(election);
    if (held === undefined || recordStatus(held, nowMs) !== 'current') continue;
    const { record } = held.sealed;
    const waitMs = validForMs(held, nowMs);
    if (record.kind !== 'leader' || waitMs <= (last?.waitMs ?? 0)) continue;
    const { leader, version } = record;
    const elector = leader.electorAddress === undefined ? '' : `, elector ${leader.electorAddress}`;
    const waitFor = `${leader.id} may lead ${election} (version ${formatVersion(version)}${elector})`;
    last = { waitMs, waitFor };
  }
  return last;
}
