import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { printableField, printableText } from './fields.ts';

describe('text that others chose', () => {
  it('is made printable and short enough, whatever it was', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
        }),
        fc.integer({ min: 0, max: 40 }),
        (text, bytesMax) => {
          const printable = printableText(text, bytesMax);
          assert.equal(printableField(printable, bytesMax, 'detail'), printable);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('stays as it is when nothing is wrong with it', () => {
    assert.equal(printableText('Größe 票 🎟', 64), 'Größe 票 🎟');
  });

  it('is cut at the end of a character', () => {
    assert.equal(printableText('aé🎟b', 6), 'aé');
    assert.equal(printableText('aé🎟b', 7), 'aé🎟');
  });
});
