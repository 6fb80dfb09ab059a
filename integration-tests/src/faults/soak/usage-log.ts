/**
 * What every process of a soak used, reading by reading. Decides what one life is: a process that was killed
 * or restarted begins another, under the same name.
 */
import { monotonicNowMs } from '@herald/process';
import { UsageMeter } from '../../fixtures/process-usage.ts';
import type { FixtureProcess } from '../../support/fixture-process.ts';
import type { FaultCluster } from '../fault-cluster.ts';
import type { Life, Reading } from './growth.ts';

interface OpenLife extends Life {
  readonly readings: Reading[];
}

export class UsageLog {
  readonly #own = new UsageMeter();
  readonly #lives = new Map<FixtureProcess<never>, OpenLife>();

  get lives(): readonly Life[] {
    return [...this.#lives.values()];
  }

  /** To be called while no fault is at work. */
  async read(cluster: FaultCluster): Promise<void> {
    // One after the other: each collects its garbage, and two cores are to serve the others meanwhile.
    const backgroundDelayMs = this.#own.read().loopDelayMs.p99;
    for (const fixture of cluster.processes) {
      const usage = await fixture.usage();
      const life = this.#lives.get(fixture) ?? { name: fixture.id, readings: [] };
      life.readings.push({ atMs: monotonicNowMs(), usage, backgroundDelayMs });
      this.#lives.set(fixture, life);
    }
  }
}
