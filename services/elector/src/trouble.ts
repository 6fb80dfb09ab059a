/**
 * Decides what an elector says is wrong at present: to `Status`, and to the log. Retries repeat an
 * error many times; it is logged when it comes, when it turns into another one, and when it is over.
 */
import type { Logger } from '@herald/process';
import { describeTrouble, isElectorError } from './errors.ts';

/** What is being attempted. */
export type Activity = 'campaigning' | 'observing' | 'vouching';

export class TroubleLog {
  readonly #logger: Logger;
  readonly #present = new Map<Activity, { readonly code: string; readonly text: string }>();
  readonly #refusal: () => string | undefined;

  /**
   * @param logger With the election among its fields.
   * @param refusal Why the elector neither campaigns nor publishes, in any election.
   */
  constructor(logger: Logger, refusal: () => string | undefined = () => undefined) {
    this.#logger = logger;
    this.#refusal = refusal;
  }

  /** The refusal, else the first trouble; empty when all is well. */
  get text(): string {
    const [first] = this.#present.values();
    return this.#refusal() ?? first?.text ?? '';
  }

  note(activity: Activity, error: unknown): void {
    const code = isElectorError(error) ? error.code : 'INTERNAL';
    const text = describeTrouble(error);
    const before = this.#present.get(activity);
    this.#present.set(activity, { code, text });
    const isNew = before?.code !== code;
    // What is not of etcd is a mistake of ours, and never routine.
    const level = code === 'INTERNAL' ? 'error' : isNew ? 'warn' : 'debug';
    this.#logger[level]({ activity, code, err: error }, `trouble while ${activity}: ${text}`);
  }

  clear(activity: Activity): void {
    if (!this.#present.delete(activity)) return;
    this.#logger.info({ activity }, `no more trouble while ${activity}`);
  }
}
