/**
 * What the tree is measured against: the first change ever, when every link still pushes. The hops
 * counted are those of the copy that came first. Delays are even here, so that this is the distance in
 * the overlay; where they differ tenfold, as in `lan`, quick detours of more hops win (8 instead of 4).
 */
import { uniformLatency } from '../latency.ts';
import { electors } from '../observed-cluster.ts';
import type { Scenario } from './scenario.ts';

const evenLatency = uniformLatency(0.5, 0.5);

export const firstChange: Scenario = {
  summary: 'the first change in a fresh overlay, published by one elector: every link pushes',
  conditions: () => ({ latency: evenLatency }),
  play: (stage) => {
    stage.gather();
    const publisher = Math.floor(stage.random() * electors.length);
    stage.change({ publishers: [publisher] });
  },
};
