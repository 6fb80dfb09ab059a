import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monotonicNowMs } from '@herald/process';
import fc from 'fast-check';
import { SuspendAwareClock } from './clock.ts';

function newMachine() {
  const machine = { monotonic: 5_000, wall: 1_700_000_000_000, boot: 90_000, bootReads: 0 };
  const clock = new SuspendAwareClock({
    monotonicMs: () => machine.monotonic,
    wallMs: () => machine.wall,
    bootMs: () => {
      machine.bootReads++;
      // As /proc/uptime has it: in steps of 10 ms.
      return Math.floor(machine.boot / 10) * 10;
    },
  });
  const run = (ms: number): void => {
    machine.monotonic += ms;
    machine.wall += ms;
    machine.boot += ms;
  };
  const suspend = (ms: number): void => {
    machine.wall += ms;
    machine.boot += ms;
  };
  const setWallClock = (byMs: number): void => {
    machine.wall += byMs;
  };
  return { machine, clock, run, suspend, setWallClock };
}

test('time that a machine slept through counts, with the first question after it', () => {
  const { clock, run, suspend } = newMachine();
  const startMs = clock.nowMs();
  run(1_000);
  suspend(60_000);
  assert.ok(Math.abs(clock.nowMs() - startMs - 61_000) <= 10);
  run(1_000);
  assert.ok(Math.abs(clock.nowMs() - startMs - 62_000) <= 10);
});

test('setting the wall clock, by any amount, changes nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1e10, max: 1e10 })), (steps) => {
      const { clock, run, setWallClock } = newMachine();
      let lastMs = clock.nowMs();
      for (const byMs of steps) {
        setWallClock(byMs);
        run(7);
        const nowMs = clock.nowMs();
        assert.ok(Math.abs(nowMs - lastMs - 7) < 1e-6);
        lastMs = nowMs;
      }
    }),
  );
});

test('it never goes back, and loses no suspension of more than the tolerances', () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('run' as const), ms: fc.nat(10_000) }),
    fc.record({ kind: fc.constant('suspend' as const), ms: fc.nat(100_000) }),
    fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: -1e7, max: 1e7 }) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      const { clock, run, suspend, setWallClock } = newMachine();
      let lastMs = clock.nowMs();
      for (const { kind, ms } of events) {
        if (kind === 'run') run(ms);
        else if (kind === 'suspend') suspend(ms);
        else setWallClock(ms);
        const nowMs = clock.nowMs();
        assert.ok(nowMs >= lastMs);
        // The hint misses what is below its tolerance, and so never more than that and a step.
        if (kind === 'suspend' && ms > 300) assert.ok(nowMs - lastMs >= ms - 170);
        lastMs = nowMs;
      }
    }),
  );
});

test('the boot clock is not read while the other two agree', () => {
  const { clock, run, machine } = newMachine();
  const before = machine.bootReads;
  for (let count = 0; count < 1_000; count++) {
    run(13);
    clock.nowMs();
  }
  assert.equal(machine.bootReads, before);
});

test('on this machine it is the monotonic clock', () => {
  const clock = new SuspendAwareClock();
  const beforeMs = monotonicNowMs();
  const nowMs = clock.nowMs();
  assert.ok(nowMs >= beforeMs && nowMs <= monotonicNowMs());
  assert.equal(clock.suspendedMs, 0);
});
