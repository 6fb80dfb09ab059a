/**
 * The test's handle of one elector process that samples its own `isLeader()`. What it reported is kept
 * when the process is gone: the dead must be judged, too.
 */
import type {
  AppliedRecord,
  Awakening,
  SamplingElectorPlan,
  SamplingReport,
  SeenLeadership,
} from '../fixtures/sampling-protocol.ts';
import { FixtureProcess } from './fixture-process.ts';

export class SamplingElector extends FixtureProcess<SamplingReport> {
  readonly awakenings: Awakening[] = [];
  readonly #onApplied: (applied: AppliedRecord) => void;
  /** By election, lineage and epoch. */
  readonly #seen = new Map<string, SeenLeadership>();
  #address: string | undefined;

  private constructor(plan: SamplingElectorPlan, onApplied: (applied: AppliedRecord) => void) {
    super({ id: plan.id, script: 'sampling-elector', plan });
    this.#onApplied = onApplied;
  }

  /** Starts it; resolves when it listens and campaigns. */
  static start(
    plan: SamplingElectorPlan,
    onApplied: (applied: AppliedRecord) => void,
  ): Promise<SamplingElector> {
    return FixtureProcess.ready(new SamplingElector(plan, onApplied));
  }

  /** Where it answers Confirm, Status and StepDown. */
  get address(): string {
    if (this.#address === undefined) throw new Error(`${this.id} is not ready`);
    return this.#address;
  }

  /** All leaderships that it saw of itself. */
  get leaderships(): readonly SeenLeadership[] {
    return [...this.#seen.values()];
  }

  /** The leadership that goes on. */
  leading(election: string): SeenLeadership | undefined {
    if (!this.isAwake) return undefined;
    return this.leaderships.find((each) => each.election === election && !each.hasEnded);
  }

  protected get isReady(): boolean {
    return this.#address !== undefined;
  }

  protected take(report: SamplingReport): void {
    switch (report.kind) {
      case 'ready':
        this.#address = report.address;
        return;
      case 'led':
        this.#seen.set(keyOf(report.seen), report.seen);
        return;
      case 'awoke':
        this.awakenings.push(report.awakening);
        return;
      case 'applied':
        this.#onApplied(report.applied);
        return;
      case 'usage':
        this.takeUsage(report.usage);
        return;
      case 'closed':
        return;
    }
  }
}

function keyOf({ election, lineage, epoch }: SeenLeadership): string {
  return `${election} ${lineage}.${epoch}`;
}
