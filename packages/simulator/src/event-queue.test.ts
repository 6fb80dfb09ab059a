/** Virtual time: events come out by time and, within one instant, in the order they went in. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { EventQueue } from './event-queue.ts';

describe('event queue', () => {
  it('returns events in order of time, then of insertion, while others are added', () => {
    const arbitraryTimes = fc.array(fc.option(fc.nat({ max: 20 }), { nil: undefined }));
    fc.assert(
      fc.property(arbitraryTimes, (times) => {
        const queue = new EventQueue<number>();
        const model: { atMs: number; event: number }[] = [];
        const takeOne = (): void => {
          model.sort((a, b) => a.atMs - b.atMs || a.event - b.event);
          const { nextMs, size } = queue;
          const expected = model.shift();
          const popped = queue.pop();
          assert.equal(popped?.event, expected?.event);
          assert.equal(nextMs, expected?.atMs ?? Infinity);
          assert.equal(size, model.length + (expected === undefined ? 0 : 1));
        };
        for (const [event, atMs] of times.entries()) {
          if (atMs === undefined) takeOne();
          else {
            queue.push(atMs, event);
            model.push({ atMs, event });
          }
        }
        while (model.length > 0) takeOne();
        takeOne();
      }),
    );
  });
});
