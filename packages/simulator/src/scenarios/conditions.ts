/** Scenarios in which nobody dies: the network or the members are merely not at their best. */
import { wan } from '../latency.ts';
import { electors } from '../observed-cluster.ts';
import type { Scenario } from './scenario.ts';
import { withinOneRoundMs } from './stage.ts';
import type { Stage } from './stage.ts';
import { counted, duration } from './wording.ts';

/** With the tree settled: what all electors publish at once, and what each of them publishes alone. */
const publishings = [electors, electors, electors, ...electors.map((elector) => [elector])];

export function playChanges(stage: Stage, withinMs = withinOneRoundMs): void {
  for (const publishers of publishings) stage.change({ publishers, withinMs });
}

/** Phi alone must tell within this, at any size; a port that refuses within this. */
export const detectedByPhiMs = 6000;
export const detectedByRefusalMs = 2000;

export const calm: Scenario = {
  summary: 'nothing goes wrong, but for one member whose process dies and one that loses power',
  play: (stage) => {
    stage.form();
    stage.measureIdle();
    stage.measureChange();
    playChanges(stage);
    stage.detect(stage.someNodes(1), 'process', detectedByRefusalMs);
    stage.wait(10_000);
    stage.detect(stage.someNodes(1), 'machine', detectedByPhiMs);
    stage.recover(10_000);
    stage.finish();
  },
};

export const loss: Scenario = {
  summary: 'one frame in a hundred is lost on links that stand, for two minutes',
  conditions: () => ({ frameLoss: 0.01 }),
  play: (stage) => {
    stage.form();
    stage.measureIdle();
    for (let minutes = 0; minutes < 2; minutes++) {
      playChanges(stage);
      stage.wait(50_000);
    }
    stage.recover(10_000);
    stage.finish();
  },
};

export const wide: Scenario = {
  summary: 'members in many places: delays of 1 to 300 ms one way, jitter, retransmissions',
  conditions: () => ({ latency: wan }),
  play: (stage) => {
    stage.form();
    stage.measureIdle();
    // A hop takes what a round takes in a data centre; the tree is as deep as ever.
    playChanges(stage, 4 * withinOneRoundMs);
    stage.wait(60_000);
    stage.detect(stage.someNodes(1), 'machine', 2 * detectedByPhiMs);
    stage.recover(20_000);
    stage.finish();
  },
};

/** As a garbage collection or a busy machine does; nobody may be taken for dead for it. */
const shortPauseMs = 300;
/** As a machine that is suspended does: it is taken for dead, and must come back. */
const longPauseMs = 15_000;

export const pauses: Scenario = {
  summary: 'members stop for 300 ms now and then, and a few for 15 s',
  play: (stage) => {
    const { cluster } = stage;
    const { simulation } = cluster;
    stage.form();
    const untilMs = stage.nowMs + 120_000;
    stage.tell(`each member stops for ${duration(shortPauseMs)} twice a minute`);
    pauseNowAndThen(stage, untilMs);
    stage.wait(60_000);
    stage.change({ withinMs: withinOneRoundMs + shortPauseMs });
    const stopped = stage.someNodes(Math.ceil(cluster.expected / 100));
    stage.tell(`${counted(stopped.length, 'member')} stop for ${duration(longPauseMs)}`);
    for (const member of stopped) simulation.pause(member, longPauseMs);
    stage.wait(10_000);
    stage.change({ except: new Set(stopped), withinMs: withinOneRoundMs + shortPauseMs });
    simulation.run(untilMs);
    stage.recover(10_000);
    stage.finish();
  },
};

/** Plans short pauses of all members, twice a minute each, until then. */
export function pauseNowAndThen(stage: Stage, untilMs: number): void {
  const { simulation } = stage.cluster;
  const everyMs = 30_000;
  for (const { index } of simulation.alive()) {
    const pause = (): void => {
      simulation.pause(index, shortPauseMs);
      const nextMs = stage.nowMs + 2 * everyMs * stage.random();
      if (nextMs < untilMs) simulation.at(nextMs, pause);
    };
    simulation.at(stage.nowMs + 2 * everyMs * stage.random(), pause);
  }
}

export const slowMembers: Scenario = {
  summary: 'a tenth of the members needs 10 ms for each frame instead of 0.05',
  play: (stage) => {
    const { cluster } = stage;
    stage.form();
    const slow = stage.someNodes(Math.ceil(cluster.expected / 10));
    for (const member of slow) cluster.simulation.slowDown(member, 200);
    stage.tell(`${counted(slow.length, 'member')} are slow from now on`);
    stage.wait(30_000);
    playChanges(stage);
    stage.wait(30_000);
    for (const member of slow) cluster.simulation.slowDown(member, 1);
    stage.recover(10_000);
    stage.finish();
  },
};
