/** Scenarios in which members die, leave, and come back. */
import { electors } from '../observed-cluster.ts';
import { detectedByPhiMs } from './conditions.ts';
import { simulatedLeaseMs } from '../records.ts';
import type { Scenario } from './scenario.ts';
import { withinOneRoundMs } from './stage.ts';
import type { Stage } from './stage.ts';
import { counted, duration } from './wording.ts';

/** When many die at once, most observers of each die too: others must be asked. */
const manyDetectedMs = 10_000;

function killThirdAndLead(stage: Stage, what: 'process' | 'machine'): void {
  const { cluster } = stage;
  stage.form();
  const startMs = stage.nowMs;
  const killed = cluster.killThird(what);
  const how = what === 'process' ? 'die' : 'lose power without a word';
  stage.tell(`${counted(killed.length, 'node')} ${how}; at this instant the leader changes`);
  stage.change({ atOnce: true });
  stage.unlisted(killed, startMs, manyDetectedMs, `these ${counted(killed.length, 'node')}`);
  stage.recover(manyDetectedMs);
  for (const member of killed) cluster.simulation.restart(member);
  stage.tell('they all start again, under their old names');
  stage.recover(20_000);
  stage.finish();
}

export const crashThird: Scenario = {
  summary: '30 % of the nodes die at the instant of a change; their machines refuse',
  play: (stage) => {
    killThirdAndLead(stage, 'process');
  },
};

export const powerLossThird: Scenario = {
  summary: '30 % of the nodes vanish at the instant of a change; nobody is told',
  play: (stage) => {
    killThirdAndLead(stage, 'machine');
  },
};

/** Of one thread, what all members together take at rest: some four tasks a second each. */
const crowdedAtRest = 0.4;
const tasksPerSecond = 4;

/** As where hundreds of members run on a machine that is too small for it: news come late to all, and making them costs all. */
export const crowdedCrash: Scenario = {
  summary: 'all nodes share a thread that is too small; a quarter of them die in one moment',
  play: (stage) => {
    const { simulation } = stage.cluster;
    stage.form();
    stage.wait(30_000);
    const nodes = stage.someNodes(Infinity);
    const taskMs = (1000 * crowdedAtRest) / (tasksPerSecond * nodes.length);
    simulation.crowd(nodes, taskMs);
    stage.tell(
      `${counted(nodes.length, 'node')} share a thread, and each task takes ${duration(taskMs)} of it`,
    );
    stage.wait(5000);
    const dead = nodes.slice(0, Math.floor(nodes.length / 4));
    stage.detect(dead, 'process', manyDetectedMs);
    simulation.crowd(nodes, undefined);
    stage.recover(manyDetectedMs);
    for (const member of dead) simulation.restart(member);
    stage.tell('they all start again, on machines that are large enough');
    stage.recover(20_000);
    stage.finish();
  },
};

/** Of all that happens in a second of churn, in percent of the members. */
const churnPercentPerSecond = 0.5;

export const churn: Scenario = {
  summary:
    'for two minutes members join, leave, crash and restart, half a percent of them a second',
  play: (stage) => {
    const { cluster } = stage;
    const { simulation } = cluster;
    stage.form();
    const counts = { join: 0, leave: 0, crash: 0, restart: 0 };
    const down: number[] = [];
    const happen = (): void => {
      const [member] = stage.someNodes(1);
      const back = down[0];
      const draw = stage.random();
      if (draw < 0.25 || member === undefined) {
        simulation.join('node');
        counts.join++;
      } else if (draw < 0.5) {
        simulation.leave(member);
        counts.leave++;
      } else if (draw < 0.75 || back === undefined) {
        simulation.kill(member, stage.random() < 0.5 ? 'process' : 'machine');
        down.push(member);
        counts.crash++;
      } else {
        simulation.restart(back);
        down.shift();
        counts.restart++;
      }
    };
    const untilMs = stage.nowMs + 120_000;
    const everyMs = 100_000 / (churnPercentPerSecond * cluster.expected);
    for (let atMs = stage.nowMs; atMs < untilMs; atMs += everyMs) simulation.at(atMs, happen);
    while (stage.nowMs < untilMs) {
      stage.wait(18_000);
      const before = new Set(simulation.alive().map(({ index }) => index));
      stage.change({ onlyOf: before, withinMs: 2000 });
    }
    const { join, leave, crash, restart } = counts;
    stage.tell(`${join} joined, ${leave} left, ${crash} crashed, ${restart} restarted`);
    stage.recover(manyDetectedMs);
    stage.finish();
  },
};

export const electorDeath: Scenario = {
  summary: 'the elector beside the leader dies; then a second one; then all of them, for a while',
  play: (stage) => {
    const { simulation, etcd } = stage.cluster;
    stage.form();
    for (let deaths = 0; deaths < 2; deaths++) {
      const dead = etcd.leader ?? 0;
      const what = deaths === 0 ? 'process' : 'machine';
      stage.tell(`elector-${dead}, beside the leader, dies (${what})`);
      stage.detect([dead], what, detectedByPhiMs);
      stage.succeeded(dead, simulatedLeaseMs + withinOneRoundMs + simulatedLeaseMs / 3);
    }
    for (const elector of electors) simulation.kill(elector);
    stage.tell('no elector is left');
    stage.wait(20_000);
    for (const elector of electors) simulation.restart(elector);
    stage.tell('all electors start again');
    stage.recover(20_000);
    stage.finish();
  },
};

export const restartAll: Scenario = {
  summary: 'every process dies at once; all start again within five seconds',
  play: (stage) => {
    const { simulation } = stage.cluster;
    stage.form();
    const all = simulation.alive().map(({ index }) => index);
    for (const member of all) simulation.kill(member);
    stage.tell(`the processes of ${counted(all.length, 'member')} die at once`);
    stage.wait(1000);
    const spreadMs = 5000;
    for (const member of all) {
      simulation.at(stage.nowMs + spreadMs * stage.random(), () => simulation.restart(member));
    }
    stage.tell(`they start again over ${duration(spreadMs)}`);
    stage.wait(spreadMs);
    stage.recover(20_000);
    stage.finish();
  },
};
