/** Simulated processes and machines behave as real ones: pauses, slowness, death in its three kinds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Effect, Input } from '@herald/core';

import type { SimulatedMember, SimulationObserver } from './observer.ts';
import { Simulation } from './simulation.ts';
import type { SimulationOptions } from './simulation.ts';

interface Step {
  readonly atMs: number;
  readonly member: number;
  readonly input: Input;
  readonly effects: readonly Effect[];
}

/** A handful of members without electors, and all that they took. */
class Bench implements SimulationObserver {
  readonly steps: Step[] = [];
  readonly simulation: Simulation;

  constructor(options: Partial<SimulationOptions> = {}) {
    this.simulation = new Simulation({
      nodes: 6,
      electors: 1,
      seed: 1,
      startOverMs: 100,
      tuning: { membership: false },
      observers: [this],
      ...options,
    });
    this.simulation.run(5000);
    this.steps.length = 0;
  }

  stepped(member: SimulatedMember, input: Input, effects: readonly Effect[]): void {
    this.steps.push({ atMs: this.simulation.nowMs, member: member.index, input, effects });
  }

  of(member: number): Step[] {
    return this.steps.filter((step) => step.member === member);
  }

  closings(): Extract<Input, { kind: 'link-closed' }>[] {
    return this.steps.flatMap(({ input }) => (input.kind === 'link-closed' ? input : []));
  }

  wait(ms: number): void {
    this.simulation.run(this.simulation.nowMs + ms);
  }
}

describe('a pause', () => {
  it('holds everything back, then what arrived is taken in order, before the timer', () => {
    const bench = new Bench();
    const endsMs = bench.simulation.nowMs + 5000;
    bench.simulation.pause(2, 5000);
    bench.wait(4999);
    assert.deepEqual(bench.of(2), []);
    bench.wait(100);
    const caughtUp = bench.of(2);
    assert.ok(caughtUp.length > 3, `${caughtUp.length} steps`);
    assert.ok(caughtUp.every(({ atMs }) => atMs >= endsMs));
    const kinds = caughtUp.map(({ input }) => input.kind);
    assert.ok(kinds.includes('frame') && kinds.includes('wake'));
    assert.ok(kinds.indexOf('frame') < kinds.indexOf('wake'));
    bench.steps.length = 0;
    bench.wait(5000);
    const wakes = bench.of(2).filter(({ input }) => input.kind === 'wake');
    assert.ok(wakes.length >= 4, 'its timer goes on');
  });

  it('that overlaps another one ends with the later', () => {
    const bench = new Bench();
    bench.simulation.pause(2, 1000);
    bench.simulation.pause(2, 3000);
    bench.simulation.pause(2, 500);
    bench.wait(2999);
    assert.deepEqual(bench.of(2), []);
    bench.wait(1000);
    assert.ok(bench.of(2).length > 0);
  });
});

describe('a slow member', () => {
  it('takes its frames one after the other, at its own pace', () => {
    const bench = new Bench({ frameCostMs: 0.5 });
    bench.simulation.slowDown(2, 100);
    bench.wait(20_000);
    const frames = bench.of(2).filter(({ input }) => input.kind === 'frame');
    assert.ok(frames.length > 10);
    for (const [index, { atMs }] of frames.entries()) {
      const before = frames[index - 1];
      if (before !== undefined) assert.ok(atMs - before.atMs >= 50 - 1e-6);
    }
  });
});

describe('members that share a thread', () => {
  it('take all that arrives one after the other, and have their own again after that', () => {
    const bench = new Bench();
    const members = [1, 2, 3, 4, 5, 6];
    bench.simulation.crowd(members, 20);
    bench.wait(20_000);
    const isFrame = ({ member, input }: Step): boolean =>
      members.includes(member) && input.kind === 'frame';
    const crowded = bench.steps.filter(isFrame);
    assert.ok(crowded.length > 50, `${crowded.length} frames`);
    for (const [index, { atMs }] of crowded.entries()) {
      const before = crowded[index - 1];
      if (before !== undefined) assert.ok(atMs - before.atMs >= 20 - 1e-6);
    }
    bench.simulation.crowd(members, undefined);
    bench.wait(1000);
    bench.steps.length = 0;
    bench.wait(20_000);
    const free = bench.steps.filter(isFrame);
    const gaps = free.map(({ atMs }, index) => atMs - (free[index - 1]?.atMs ?? 0));
    assert.ok(
      gaps.some((gap) => gap < 20),
      'two at once, or nearly',
    );
  });

  it('are all heard to the end after a pause', () => {
    const bench = new Bench();
    bench.simulation.crowd([1, 2, 3, 4, 5, 6], 1);
    bench.simulation.pause(2, 10_000);
    bench.wait(9999);
    const waiting = bench.simulation.host(2).inbox.length;
    assert.ok(waiting > 3, `${waiting} tasks wait`);
    bench.wait(1000);
    assert.ok(bench.simulation.host(2).inbox.length <= 1);
  });
});

describe('a member that is behind', () => {
  it('finds one wake among what waits, in its turn, however long it takes', () => {
    const bench = new Bench({ frameCostMs: 0.5 });
    bench.simulation.slowDown(2, 4000);
    bench.wait(120_000);
    const kinds = bench.of(2).map(({ input }) => input.kind);
    const wakes = kinds.filter((kind) => kind === 'wake').length;
    assert.ok(wakes > 0, 'time passes for it');
    assert.ok(wakes <= kinds.length / 2 + 1, `${wakes} of ${kinds.length}: never two in a row`);
  });
});

describe('death', () => {
  it('of a process breaks its links at once, and its port refuses', () => {
    const bench = new Bench();
    const links = bench.simulation.members[2]?.engine.links().length ?? 0;
    bench.simulation.kill(2);
    bench.wait(50);
    assert.equal(bench.closings().filter(({ cause }) => cause === 'lost').length, links);
    bench.wait(5000);
    assert.ok(bench.closings().some(({ cause }) => cause === 'refused'));
    assert.deepEqual(bench.of(2), []);
  });

  it('of a machine is told to nobody, until it starts again and does not know its links', () => {
    const bench = new Bench();
    const links = bench.simulation.members[2]?.engine.links().length ?? 0;
    bench.simulation.kill(2, 'machine');
    bench.wait(30_000);
    assert.deepEqual(bench.closings(), []);
    bench.simulation.restart(2);
    bench.wait(60_000);
    const lost = bench.closings().filter(({ cause }) => cause === 'lost');
    assert.ok(lost.length > 0 && lost.length <= links, `${lost.length} of ${links}`);
    const [, , back] = bench.simulation.members;
    assert.equal(back?.contact.generation, 2);
    assert.ok(back.engine.links().length >= 4);
  });

  it('in good order ends its links properly', () => {
    const bench = new Bench();
    bench.simulation.leave(2);
    bench.wait(1);
    const [first] = bench.closings();
    assert.equal(first?.cause, 'ended');
    bench.wait(50);
    assert.ok(bench.closings().every(({ cause }) => cause !== 'lost'));
    assert.ok(bench.simulation.hasLeft(2));
  });
});

describe('a timer', () => {
  it('fires no sooner than a real one would', () => {
    const bench = new Bench();
    bench.wait(10_000);
    for (const { index } of bench.simulation.members) {
      const wakes = bench.of(index).filter(({ input }) => input.kind === 'wake');
      for (const [turn, { atMs }] of wakes.entries()) {
        const before = wakes[turn - 1];
        if (before !== undefined) assert.ok(atMs - before.atMs >= 1 - 1e-6);
      }
    }
  });
});
