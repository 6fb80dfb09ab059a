/** Asserts that a call throws a WireError, and which. */
import assert from 'node:assert/strict';
import { WireError } from '../errors.ts';
import type { WireErrorCode } from '../errors.ts';

export function expectWireError(
  act: () => unknown,
  code: WireErrorCode,
  field: string | undefined,
): void {
  assert.throws(act, (error: unknown) => {
    assert.ok(error instanceof WireError, `a WireError, not ${String(error)}`);
    assert.deepEqual(
      { code: error.code, field: error.field },
      { code, field },
      `unexpected: ${error.message}`,
    );
    return true;
  });
}
