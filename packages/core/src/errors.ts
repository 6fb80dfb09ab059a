/**
 * The one error of this package: a value from the outside world broke a rule of the domain.
 * Our own mistakes are assertions (`assert.ts`), never this.
 */
export class InvalidValueError extends Error {
  readonly code = 'INVALID_VALUE';
  /** What the value was meant to be, in the words of the glossary, e.g. `node id`. */
  readonly field: string;

  constructor(field: string, rule: string) {
    super(`${field}: ${rule}`);
    this.name = 'InvalidValueError';
    this.field = field;
  }
}
