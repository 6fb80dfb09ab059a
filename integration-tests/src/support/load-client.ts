/** The test's handle of the client under load: hands on whatever it reports. */
import type { LoadClientPlan, LoadClientReport } from '../fixtures/load-client-protocol.ts';
import { FixtureProcess } from './fixture-process.ts';

export class LoadClient extends FixtureProcess<LoadClientReport> {
  readonly #onReport: (report: LoadClientReport) => void;
  #isReady = false;

  private constructor(plan: LoadClientPlan, onReport: (report: LoadClientReport) => void) {
    super({ id: plan.id, script: 'load-client', plan });
    this.#onReport = onReport;
  }

  static start(
    plan: LoadClientPlan,
    onReport: (report: LoadClientReport) => void,
  ): Promise<LoadClient> {
    return FixtureProcess.ready(new LoadClient(plan, onReport));
  }

  protected get isReady(): boolean {
    return this.#isReady;
  }

  protected take(report: LoadClientReport): void {
    if (report.kind === 'ready') this.#isReady = true;
    else if (report.kind === 'usage') this.takeUsage(report.usage);
    else this.#onReport(report);
  }
}
