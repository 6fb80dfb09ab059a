/**
 * The parts of the demonstration: elected, asked, killed, stepped down, at rest. Each decides what it
 * shows of the main job; what it shows it has measured.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicNowMs } from '@herald/process';
import { LabError } from '../lab-error.ts';
import type { Change } from '../measure/change.ts';
import type { IdleUsage } from '../measure/idle.ts';
import { reportChange } from '../report.ts';
import type { ChangeCause, MassFailureReport } from '../report.ts';
import { ClientProbe, judgeCalls } from './client-probe.ts';
import type { ProbeOptions } from './client-probe.ts';
import { showCalls, showQuestion } from './client-rows.ts';
import type { Stage } from './stage.ts';
import { counted, describeSpread, formatMs, share } from './wording.ts';

/** A client call may take this much longer than the lease: an election and a few back-offs. */
const callMarginMs = 5_000;
/** The client asks for this long before and after something is done to the leader. */
const probeMarginMs = 500;
/** A successor is due after the lease and an election; this is for a loaded machine. */
const successorMarginMs = 20_000;
const settleTimeoutMs = 20_000;
/** What is promised takes 10 s after a mass failure, 20 s after a start. */
const agreeTimeoutMs = 30_000;
/** Nothing is promised of how soon a quarter of a fleet is back that one machine hosts; of 500 it takes some 50 s. */
const backTimeoutMs = 180_000;
/** Members tell what they have applied over some 40 ms for each of them, ± 50 %. */
const convergeTimeoutMs = 180_000;
/** The figures at rest are averages over this; several renewals and rounds fall into it. */
const idleSeconds = 6;

export function showElected(stage: Stage): void {
  const { elected } = stage.lab;
  stage.terminal.heading('1. A leader is elected');
  stage.terminal.row('leader', `${elected.leaderId}, epoch ${String(elected.epoch)}`);
  showChange(stage, 'elected', elected, undefined);
}

/** Each node knows each member; returns how long that took from when the last one was up. */
export async function showMembers({ lab, terminal, signal }: Stage): Promise<number> {
  const agreedMs = await lab.untilMembersAgree({ goneMax: 0, timeoutMs: agreeTimeoutMs, signal });
  const tookMs = agreedMs - lab.allUpMs;
  const whom = `each node knows all ${counted(lab.liveMembers, 'member')}`;
  terminal.row('who is there', `${whom}, at most ${formatMs(tookMs)} after the last came up`);
  return tookMs;
}

/** A client that knows three nodes, and nothing else, asks who leads. */
export async function showClient(stage: Stage): Promise<void> {
  stage.terminal.heading('2. A client asks a node');
  await using client = stage.lab.createClient();
  const probe = new ClientProbe(client, probeOptions(stage));
  const [call] = await probe.stop();
  stage.signal.throwIfAborted();
  if (call === undefined) throw new LabError('unsupported', 'the client made no call');
  stage.calls.push(call);
  showQuestion(stage, call);
}

/** The leader's process gets no chance to say anything: its lease has to run out. */
export async function showCrash(stage: Stage): Promise<void> {
  const { lab, terminal } = stage;
  const leader = lab.leader();
  const elector = lab.leadingElector();
  if (leader === undefined || elector === undefined) throw noLeader();
  terminal.heading(`3. The leader is killed: kill -9 ${String(elector.pid)}`);
  await withClient(stage, async () => {
    const killedMs = monotonicNowMs();
    await elector.kill('SIGKILL');
    // Where there is only one, nobody but itself can follow it.
    if (lab.electors.length === 1) await elector.start(stage.signal);
    const change = await nextChange(stage, leader.epoch);
    const afterMs = change.publishedMs - killedMs;
    terminal.row(
      'new leader',
      `${change.leaderId}, epoch ${String(change.epoch)}, ${formatMs(afterMs)} after the kill ` +
        `(a lease of ${String(stage.ttlSeconds)} s had to run out)`,
    );
    showChange(stage, 'crash', change, killedMs);
  });
  if (!elector.isRunning) await elector.start(stage.signal);
  terminal.row('started again', `${elector.id}, pid ${String(elector.pid)}, last in line`);
}

export async function showStepDown(stage: Stage): Promise<void> {
  const { lab, terminal } = stage;
  terminal.heading('4. The leader steps down');
  await lab.settle({ timeoutMs: settleTimeoutMs, signal: stage.signal });
  await withClient(stage, async () => {
    const { electorId, epoch, requestedMs } = await lab.stepDown();
    const change = await nextChange(stage, epoch);
    const afterMs = change.publishedMs - requestedMs;
    terminal.row(
      'new leader',
      `${change.leaderId}, epoch ${String(change.epoch)}, ${formatMs(afterMs)} after ${electorId} was asked to go`,
    );
    showChange(stage, 'step-down', change, requestedMs);
  });
}

export async function showRest(stage: Stage): Promise<IdleUsage> {
  const { lab, terminal, signal } = stage;
  terminal.heading('5. At rest');
  await lab.settle({ timeoutMs: settleTimeoutMs, signal });
  const fromMs = monotonicNowMs();
  await lab.untilConverged({ timeoutMs: convergeTimeoutMs, signal });
  const toldMs = formatMs(monotonicNowMs() - fromMs);
  terminal.row('all have told', `that they know, ${toldMs} later: they tell it when there is time`);
  terminal.progress('measuring', `for ${String(idleSeconds)} s`, false);
  const idle = await lab.measureIdle(idleSeconds, signal);
  const { cpuCores, rssMiB } = idle;
  const together =
    cpuCores === undefined || rssMiB === undefined
      ? 'CPU and memory cannot be read on this platform'
      : `${cpuCores.toFixed(2)} cores, ${rssMiB.toFixed(0)} MiB: etcd, electors, nodes and this lab`;
  terminal.progress('everything together', together, true);
  const frames = `${idle.framesPerNodePerSecond.toFixed(1)} frames`;
  const bytes = idle.bytesPerNodePerSecond;
  const sent = bytes === undefined ? frames : `${frames}, ${bytes.toFixed(0)} bytes on the wire,`;
  terminal.row('each node sends', `${sent} a second`);
  return idle;
}

export async function showConnections(stage: Stage): Promise<number | undefined> {
  const { lab, terminal } = stage;
  const connections = await lab.etcdConnections();
  const text =
    connections === undefined
      ? 'its connections cannot be counted here'
      : `${counted(connections, 'client connection')}, of ${counted(lab.electors.length, 'elector')}; ` +
        'nodes and clients have none';
  terminal.row('etcd', text);
  return connections;
}

/** Many machines are gone at once: the others count them out, and learn the next leader as before. */
export async function showMassFailure(stage: Stage): Promise<MassFailureReport | undefined> {
  const { lab, terminal, signal } = stage;
  const worker = lab.workers.at(-1);
  if (worker === undefined || lab.workers.length < 2) return undefined;
  const killed = worker.nodes.length;
  const pid = String(worker.process.pid);
  terminal.heading(`6. ${counted(killed, 'node')} vanish at once: kill -9 ${pid}`);
  const killedAtMs = monotonicNowMs();
  await lab.killWorker(worker);
  const limits = { goneMax: killed, timeoutMs: agreeTimeoutMs, signal };
  const agreedMs = (await lab.untilMembersAgree(limits)) - killedAtMs;
  const left = lab.workers.reduce((sum, { process, nodes }) => {
    return sum + (process.isRunning ? nodes.length : 0);
  }, 0);
  const rest = `the other ${counted(left, 'node')}`;
  terminal.row('who is gone', `${rest} agree on all ${String(killed)} after ${formatMs(agreedMs)}`);
  const { epoch } = await lab.stepDown();
  const change = await nextChange(stage, epoch);
  terminal.row('new leader', `${change.leaderId}, epoch ${String(change.epoch)}`);
  showSpread(stage, change);
  await lab.restartWorker(worker, signal);
  const upMs = monotonicNowMs();
  const all = { goneMax: 0, timeoutMs: backTimeoutMs, signal };
  const backMs = (await lab.untilMembersAgree(all)) - upMs;
  const back = `they come back, and ${formatMs(backMs)} after the last all count everybody again`;
  terminal.row('started again', back);
  const { p99Ms, maxMs } = reportChange('step-down', change, undefined);
  return { killed, agreedMs, reached: change.reached, survivors: left, p99Ms, maxMs, backMs };
}

/** Says how the news of a change spread, and keeps it for the report. */
function showChange(
  stage: Stage,
  cause: ChangeCause,
  change: Change,
  sinceMs: number | undefined,
): void {
  showSpread(stage, change);
  stage.changes.push(reportChange(cause, change, sinceMs));
}

function showSpread({ terminal }: Stage, change: Change): void {
  terminal.row(
    'who knows',
    `${share(change.reached, change.nodes, 'node')}: ${describeSpread(change)}`,
  );
  terminal.row(
    'pushes',
    `${change.pushesPerNode.toFixed(2)} sent per node; a perfect tree takes 1`,
  );
}

/** Has a client ask all the while that `act` takes, and a moment longer, and shows how it fared. */
async function withClient(stage: Stage, act: () => Promise<void>): Promise<void> {
  const { lab, signal } = stage;
  await using client = lab.createClient();
  const probe = new ClientProbe(client, probeOptions(stage));
  let calls;
  try {
    await delay(probeMarginMs, undefined, { signal });
    await act();
    await delay(probeMarginMs, undefined, { signal });
  } finally {
    calls = await probe.stop();
  }
  stage.calls.push(...calls);
  showCalls(stage, calls, judgeCalls(calls, lab.ledger));
}

function nextChange(stage: Stage, afterEpoch: bigint): Promise<Change> {
  const timeoutMs = stage.ttlSeconds * 1_000 + successorMarginMs;
  return stage.lab.awaitChange({ afterEpoch, timeoutMs, signal: stage.signal });
}

function probeOptions({ ttlSeconds, signal }: Stage): ProbeOptions {
  return { timeoutMs: ttlSeconds * 1_000 + callMarginMs, signal };
}

function noLeader(): LabError {
  return new LabError('unsupported', 'nobody leads, so no leader can be killed');
}
