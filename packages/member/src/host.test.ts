import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bracketed, unbracketed } from './host.ts';

describe('the host of an address', () => {
  for (const [bare, beside] of [
    ['::1', '[::1]'],
    ['10.0.0.1', '10.0.0.1'],
    ['node-1.herald', 'node-1.herald'],
  ] as const) {
    it(`${bare} is written ${beside} beside a port, and as it is for a socket`, () => {
      assert.equal(bracketed(bare), beside);
      assert.equal(bracketed(beside), beside);
      assert.equal(unbracketed(beside), bare);
      assert.equal(unbracketed(bare), bare);
    });
  }
});
