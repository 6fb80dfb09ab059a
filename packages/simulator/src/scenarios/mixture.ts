/** The scenario that nobody thought of: conditions and faults drawn from the seed, several at a time. */
import type { Random } from '@herald/core';
import { corruptor } from '../corruption.ts';
import { lan, wan } from '../latency.ts';
import { electors } from '../observed-cluster.ts';
import { home } from '../network.ts';
import { away, sendAway } from './partitions.ts';
import type { Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';
import { counted, duration, share } from './wording.ts';

const mixtureMs = 120_000;
const faultEveryMsMin = 2000;
const faultEveryMsMax = 12_000;

/** Clocks that are this much off are broken; Herald must bear with them all the same. */
const clockSkewMax = 0.01;
const frameLossMax = 0.02;
const corruptionMax = 0.001;

/** With all kinds of damage done, back-offs and refutations take their time. */
const recoversWithinMs = 30_000;

/** One kind of fault; says what it did, or undefined when there was nothing to do it to. */
type Fault = (stage: Stage) => string | undefined;

const faults: readonly Fault[] = [
  kill('process'),
  kill('machine'),
  restartSome,
  leave,
  join,
  pause,
  slowDown,
  cutLinks,
  split,
  split,
  heal,
  heal,
  killElector,
  restartSome,
];

export const random: Scenario = {
  summary:
    'conditions and faults drawn from the seed: deaths, partitions, pauses, loss, garbled frames',
  conditions: (draw) => ({
    latency: draw() < 0.3 ? wan : lan,
    frameLoss: draw() < 0.5 ? 0 : frameLossMax * draw(),
    clockSkew: clockSkewMax * draw(),
  }),
  play: (stage) => {
    const { simulation } = stage.cluster;
    stage.form();
    if (stage.random() < 0.5) {
      const garbled = corruptionMax * stage.random();
      simulation.corruption = corruptor(garbled, stage.random);
      stage.tell(`${share(garbled)} of all frames are garbled from now on`);
    }
    const untilMs = stage.nowMs + mixtureMs;
    while (stage.nowMs < untilMs) {
      const fault = faults[Math.floor(stage.random() * faults.length)];
      const what = fault?.(stage);
      if (what === undefined) continue;
      stage.tell(what);
      stage.wait(between(faultEveryMsMin, faultEveryMsMax, stage.random));
    }
    endFaults(stage);
    stage.recover(recoversWithinMs);
    stage.finish();
  },
};

/** Everything that can be mended is; about half of the dead come back. */
function endFaults(stage: Stage): void {
  const { simulation } = stage.cluster;
  simulation.heal();
  simulation.network.frameLoss = 0;
  simulation.corruption = undefined;
  let pausedUntilMs = stage.nowMs;
  for (const { index, alive, pausedUntilMs: untilMs } of simulation.members) {
    simulation.slowDown(index, 1);
    if (alive) pausedUntilMs = Math.max(pausedUntilMs, untilMs);
    else if (electors.includes(index)) simulation.restart(index);
  }
  const back = restartSome(stage);
  if (back !== undefined) stage.tell(back);
  simulation.run(pausedUntilMs);
  stage.tell('the faults end');
}

function kill(what: 'process' | 'machine'): Fault {
  return (stage) => {
    const killed = stage.someNodes(1 + Math.floor(stage.random() * stage.cluster.expected * 0.2));
    if (killed.length === 0) return undefined;
    for (const member of killed) stage.cluster.simulation.kill(member, what);
    return `${counted(killed.length, 'node')} die (${what})`;
  };
}

function restartSome(stage: Stage): string | undefined {
  const { simulation } = stage.cluster;
  const down = simulation.members.filter(
    ({ alive, index }) => !alive && !simulation.hasLeft(index),
  );
  const back = down.filter(() => stage.random() < 0.5);
  if (back.length === 0) return undefined;
  for (const { index } of back) simulation.restart(index);
  return `${counted(back.length, 'member')} start again`;
}

function leave(stage: Stage): string | undefined {
  const leaving = stage.someNodes(1 + Math.floor(stage.random() * stage.cluster.expected * 0.05));
  for (const member of leaving) stage.cluster.simulation.leave(member);
  return leaving.length === 0 ? undefined : `${counted(leaving.length, 'node')} leave`;
}

function join(stage: Stage): string {
  const count = 1 + Math.floor(stage.random() * stage.cluster.expected * 0.1);
  for (let joined = 0; joined < count; joined++) stage.cluster.simulation.join('node');
  return `${counted(count, 'node')} join`;
}

function pause(stage: Stage): string {
  const forMs = between(100, 20_000, stage.random);
  const paused = stage.someNodes(1 + Math.floor(stage.random() * stage.cluster.expected * 0.2));
  if (stage.random() < 0.2) paused.push(Math.floor(stage.random() * electors.length));
  for (const member of paused) stage.cluster.simulation.pause(member, forMs);
  return `${counted(paused.length, 'member')} stop for ${duration(forMs)}`;
}

function slowDown(stage: Stage): string {
  const slow = stage.someNodes(1 + Math.floor(stage.random() * stage.cluster.expected * 0.2));
  const factor = Math.round(between(2, 200, stage.random));
  for (const member of slow) stage.cluster.simulation.slowDown(member, factor);
  return `${counted(slow.length, 'node')} are ${factor} times slower`;
}

function cutLinks(stage: Stage): string {
  const { simulation } = stage.cluster;
  let cut = 0;
  for (const { index, engine } of simulation.alive()) {
    for (const { id } of engine.links()) {
      if (stage.random() >= 0.05) continue;
      simulation.cutLink(index, id);
      cut++;
    }
  }
  return `${counted(cut, 'link')} break`;
}

function split(stage: Stage): string | undefined {
  const { network } = stage.cluster.simulation;
  if (!network.isWhole) return undefined;
  const gone = sendAway(stage, between(0.05, 0.5, stage.random));
  if (stage.random() < 0.5) {
    const elector = Math.floor(stage.random() * electors.length);
    network.place([elector], away);
    gone.push(elector);
  }
  const way = stage.random();
  if (way < 0.75) network.cut(away, home);
  if (way < 0.5 || way >= 0.75) network.cut(home, away);
  const ways = way < 0.5 ? 'cut off' : way < 0.75 ? 'mute' : 'deaf';
  return `${counted(gone.length, 'member')} are ${ways}`;
}

function heal(stage: Stage): string | undefined {
  const { simulation } = stage.cluster;
  if (simulation.network.isWhole) return undefined;
  simulation.heal();
  return 'the network heals';
}

function killElector(stage: Stage): string | undefined {
  const { simulation, etcd } = stage.cluster;
  const dead = etcd.leader ?? 0;
  if (simulation.members[dead]?.alive !== true) return undefined;
  simulation.kill(dead, stage.random() < 0.5 ? 'process' : 'machine');
  return `elector-${dead}, beside the leader, dies`;
}

function between(min: number, max: number, draw: Random): number {
  return min + (max - min) * draw();
}
