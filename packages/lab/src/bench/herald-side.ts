/**
 * The bench's one side: a change of leader that reaches N gossip nodes. Decides how it is brought
 * about (a step-down, so that nobody waits for a lease) and when the tree counts as settled.
 */
import type { EtcdCluster } from '../etcd/etcd-cluster.ts';
import { LabError } from '../lab-error.ts';
import type { Lab } from '../lab.ts';
import type { Change } from '../measure/change.ts';
import { startLab } from '../start-lab.ts';
import { counted } from '../story/wording.ts';
import { etcdUsage, usageSince } from './etcd-usage.ts';
import type { EtcdUsage } from './etcd-usage.ts';
import { keepPace } from './pace.ts';

const electors = 3;
const settleTimeoutMs = 60_000;
const successorTimeoutMs = 20_000;

export interface HeraldSideOptions {
  readonly insecure: boolean;
  readonly etcd: EtcdCluster;
  readonly nodes: number;
  readonly nodesPerProcess: number;
  readonly changes: number;
  /** Changes before those, not counted: the eager links settle into a tree. */
  readonly warmUps: number;
  readonly paceMs: number;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface HeraldSideResult {
  readonly changes: readonly Change[];
  readonly electors: number;
  readonly etcdConnections: number | undefined;
  readonly etcd: EtcdUsage | undefined;
}

/** Brings a lab up on that etcd, measures, and takes it down again. */
export async function measureHerald(options: HeraldSideOptions): Promise<HeraldSideResult> {
  const { etcd, insecure, nodes, nodesPerProcess, signal } = options;
  await using lab = await startLab({ etcd, insecure, nodes, nodesPerProcess, electors, signal });
  await lab.settle({ timeoutMs: settleTimeoutMs, signal });
  const where = counted(lab.workers.length, 'process', 'processes');
  const how = insecure ? 'in plain text' : 'over TLS';
  options.log(`${counted(nodes, 'gossip node')} linked ${how}, in ${where}`);
  for (let warmUp = 0; warmUp < options.warmUps; warmUp++) await nextChange(lab, options);
  const etcdConnections = await lab.etcdConnections();
  const changes: Change[] = [];
  const before = await etcdUsage(etcd);
  for (let change = 0; change < options.changes; change++) {
    changes.push(await nextChange(lab, options));
  }
  const used = usageSince(before, await etcdUsage(etcd));
  return { changes, electors, etcdConnections, etcd: used };
}

/** @throws LabError `timeout` when the change does not reach every node: times of some prove nothing. */
function nextChange(lab: Lab, { paceMs, signal }: HeraldSideOptions): Promise<Change> {
  return keepPace(paceMs, signal, async () => {
    const { epoch } = await lab.stepDown('the bench');
    const change = await lab.awaitChange({
      afterEpoch: epoch,
      timeoutMs: successorTimeoutMs,
      signal,
    });
    const { reached, nodes } = change;
    if (reached === nodes) return change;
    const message = `epoch ${String(change.epoch)} reached ${String(reached)} of ${String(nodes)} nodes`;
    throw new LabError('timeout', message);
  });
}
