/**
 * What the lab does once the demonstration is over: it stays, tells each change in a line, and starts
 * again whichever elector or worker ends, so that there are always as many as asked for.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@herald/process';
import type { ElectorProcess } from '../elector/elector-process.ts';
import { labNames } from '../lab-options.ts';
import type { Lab, LabEvent } from '../lab.ts';
import type { NodeWorker } from '../node-tier.ts';
import type { PublishedChange } from '../measure/change.ts';
import type { Terminal } from './terminal.ts';
import { counted, describeExit, summariseSpread } from './wording.ts';

/** Between the end of an elector and its new start: short, and no busy loop if it cannot start. */
const restartDelayMs = 1_000;
/** Nodes stay away long enough for the others to notice: one can watch it with `herald members`. */
const nodesRestartDelayMs = 10_000;

/** Until the signal aborts. */
export async function stayUp(lab: Lab, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const events = lab.events(signal);
  showWhatToTry(lab, terminal);
  for await (const event of events) await showEvent(lab, terminal, event, signal);
}

function showWhatToTry(lab: Lab, terminal: Terminal): void {
  const { election } = labNames;
  const node = lab.nodes[0]?.address ?? '';
  const leader = lab.leadingElector();
  terminal.heading('The lab stays up; Ctrl-C ends it');
  for (const elector of lab.electors) {
    const role = elector === leader ? ', leads now' : '';
    terminal.row(elector.id, `${elector.address}, pid ${String(elector.pid)}${role}`);
  }
  for (const { process, nodes } of lab.workers) {
    const [first] = nodes;
    const range = `${first?.nodeId ?? ''} to ${nodes.at(-1)?.nodeId ?? ''}`;
    terminal.row(
      process.name,
      `${range}, from ${first?.address ?? ''}, pid ${String(process.pid)}`,
    );
  }
  const pid = String(leader?.pid ?? 'PID');
  terminal.row('ask a node', `npx herald leader --join ${node} --election ${election}`);
  terminal.row('follow the leader', `npx herald watch --join ${node} --election ${election}`);
  terminal.row('kill the leader', `kill -9 ${pid}`);
  terminal.row('let it sleep', `kill -STOP ${pid}; sleep 5; kill -CONT ${pid}`);
  terminal.row('who is there', `npx herald members --join ${node}`);
  terminal.row('who knows', `npx herald convergence --join ${node} --election ${election}`);
  terminal.row('lose many nodes', `kill -9 ${String(lab.workers.at(-1)?.process.pid ?? 'PID')}`);
  const elector = leader?.address ?? '';
  terminal.row(
    'have it step down',
    `npx herald step-down --elector ${elector} --election ${election}`,
  );
  terminal.line();
}

async function showEvent(
  lab: Lab,
  terminal: Terminal,
  event: LabEvent,
  signal: AbortSignal,
): Promise<void> {
  switch (event.kind) {
    case 'published':
      await showChange(lab, terminal, event.change, signal);
      return;
    case 'leadership-ended':
      say(
        terminal,
        `${event.electorId} leads no more (epoch ${String(event.epoch)}): ${event.reason}`,
      );
      return;
    case 'elector-ended':
      say(terminal, `${event.elector.id}: ${describeExit(event.exit)}; it is started again`);
      void startAgain(event.elector, terminal, signal);
      return;
    case 'worker-ended': {
      const { process, nodes } = event.worker;
      say(
        terminal,
        `${process.name} has ended (${event.how}), ${counted(nodes.length, 'node')} with it; ` +
          'it is started again',
      );
      void startNodesAgain(lab, event.worker, terminal, signal);
      return;
    }
  }
}

async function showChange(
  lab: Lab,
  terminal: Terminal,
  { epoch }: PublishedChange,
  signal: AbortSignal,
): Promise<void> {
  const change = await lab.awaitChange({ afterEpoch: epoch - 1n, timeoutMs: 1_000, signal });
  const pid = lab.electors.find(({ id }) => id === change.leaderId)?.pid;
  const who = `${change.leaderId} leads (epoch ${String(change.epoch)}, pid ${String(pid)})`;
  say(terminal, `${who}; ${summariseSpread(change)}`);
}

async function startAgain(
  elector: ElectorProcess,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  try {
    await delay(restartDelayMs, undefined, { signal });
    await elector.start(signal);
    say(terminal, `${elector.id} is back, pid ${String(elector.pid)}`);
  } catch (error) {
    // Its end, if it did not come up, is an event that brings us here again.
    if (!signal.aborted) say(terminal, describeError(error));
  }
}

async function startNodesAgain(
  lab: Lab,
  worker: NodeWorker,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  try {
    await delay(nodesRestartDelayMs, undefined, { signal });
    if (worker.process.isRunning) return;
    await lab.restartWorker(worker, signal);
    say(terminal, `${worker.process.name} is back, pid ${String(worker.process.pid)}`);
  } catch (error) {
    if (!signal.aborted) say(terminal, describeError(error));
  }
}

function say(terminal: Terminal, text: string): void {
  const now = new Date().toLocaleTimeString('en-GB');
  terminal.line(`   ${terminal.tone(now, 'dim')}  ${text}`);
}
