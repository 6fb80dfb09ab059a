/** What a scenario is: conditions under which a cluster starts, and what then happens on its stage. */
import type { Random } from '@herald/core';
import type { ClusterOptions } from '../observed-cluster.ts';
import type { Stage } from './stage.ts';

export interface Scenario {
  /** One sentence for whoever reads the list. */
  readonly summary: string;
  /** How this cluster differs from a calm one; drawn from the seed where it is left to chance. */
  readonly conditions?: (random: Random) => Partial<ClusterOptions>;
  readonly play: (stage: Stage) => void;
}
