/** Scenarios in which little goes wrong, for the figures in docs/BENCHMARKS.md. */
import { uniformLatency } from '../latency.ts';
import { electors } from '../observed-cluster.ts';
import { pauseNowAndThen, playChanges } from './conditions.ts';
import type { Scenario } from './scenario.ts';

const evenLatency = uniformLatency(0.5, 0.5);

/**
 * What the tree is measured against. The hops counted are those of the copy that came first. Delays are
 * even here, so that this is the distance in the overlay; where they differ tenfold, as in `lan`, quick
 * detours of more hops win (8 at most instead of 4).
 */
export const firstChange: Scenario = {
  summary: 'the first change in a fresh overlay, by one elector: every link pushes; even delays',
  conditions: () => ({ latency: evenLatency }),
  play: (stage) => {
    stage.gather();
    const publisher = Math.floor(stage.random() * electors.length);
    stage.change({ publishers: [publisher] });
  },
};

export const tree: Scenario = {
  summary: 'changes along the settled tree, by all electors at once and by each alone',
  play: (stage) => {
    stage.form();
    playChanges(stage);
    stage.finish();
  },
};

const minuteMs = 60_000;

export const rest: Scenario = {
  summary: 'a minute or more of a fleet that has nothing to do, from its start on: what it costs',
  play: (stage) => {
    stage.form();
    stage.measureIdle();
    stage.cluster.simulation.run(minuteMs);
    stage.finish();
  },
};

const hourMs = 3_600_000;

export const hour: Scenario = {
  summary: 'an hour with 1 % of frames lost and each member stopping for 300 ms twice a minute',
  conditions: () => ({ frameLoss: 0.01 }),
  play: (stage) => {
    stage.form();
    const untilMs = stage.nowMs + hourMs;
    pauseNowAndThen(stage, untilMs);
    for (let quarters = 1; quarters <= 4; quarters++) {
      stage.wait(hourMs / 4);
      stage.tell(`${quarters * 15} minutes: ${stage.suspicions()}`);
    }
    stage.recover(10_000);
    stage.finish();
  },
};
