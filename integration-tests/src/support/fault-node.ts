/** The test's handle of one gossip node in a process of its own, and what its watch was told. */
import type { FaultNodePlan, FaultNodeReport, Told } from '../fixtures/fault-node-protocol.ts';
import type { AppliedRecord } from '../fixtures/sampling-protocol.ts';
import { FixtureProcess } from './fixture-process.ts';

export interface FaultNodeListener {
  readonly applied: (applied: AppliedRecord) => void;
  readonly told: (told: Told) => void;
}

export class FaultNode extends FixtureProcess<FaultNodeReport> {
  readonly #listener: FaultNodeListener;
  #address: string | undefined;
  #told: Told | undefined;

  private constructor(plan: FaultNodePlan, listener: FaultNodeListener, descriptorsMax?: number) {
    const bound = descriptorsMax === undefined ? {} : { descriptorsMax };
    super({ id: plan.id, script: 'fault-node', plan, ...bound });
    this.#listener = listener;
  }

  /** Starts it; resolves when it listens. */
  static start(
    plan: FaultNodePlan,
    listener: FaultNodeListener,
    descriptorsMax?: number,
  ): Promise<FaultNode> {
    return FixtureProcess.ready(new FaultNode(plan, listener, descriptorsMax));
  }

  /** What it says now to whoever watches. */
  get told(): Told | undefined {
    return this.#told;
  }

  protected get isReady(): boolean {
    return this.#address !== undefined;
  }

  protected take(report: FaultNodeReport): void {
    switch (report.kind) {
      case 'ready':
        this.#address = report.address;
        return;
      case 'applied':
        this.#listener.applied(report.applied);
        return;
      case 'told':
        this.#told = report.told;
        this.#listener.told(report.told);
        return;
      case 'usage':
        this.takeUsage(report.usage);
        return;
    }
  }
}
