/** A promise of `docs/SPEC.md` that did not hold, or a bound that was broken. */

export type PromiseCode = 'P2' | 'P3' | 'BOUND' | 'INVENTED' | 'DISAGREE';

export class BrokenPromise extends Error {
  readonly code: PromiseCode;
  /** Virtual time. */
  readonly atMs: number;

  constructor(code: PromiseCode, atMs: number, message: string) {
    super(message);
    this.name = 'BrokenPromise';
    this.code = code;
    this.atMs = atMs;
  }
}
