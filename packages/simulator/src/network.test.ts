/** Streams as TCP makes them: in order, reliable while both ends reach each other, patient when not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { linkId, seededRandom } from '@herald/core';
import type { Frame } from '@herald/core';

import { lan, wan } from './latency.ts';
import type { Latency } from './latency.ts';
import { Network, home, streamGivesUpMs } from './network.ts';
import type { Arrival, StreamEnd } from './network.ts';

const away = 1;
const prune: Frame = { kind: 'prune' };

interface Arrived {
  readonly atMs: number;
  readonly end: StreamEnd;
  readonly arrival: Arrival;
}

/** Two members, one stream, and what the network put into virtual time. */
class Bench {
  readonly arrived: Arrived[] = [];
  readonly expiries: {
    readonly atMs: number;
    readonly end: StreamEnd;
    readonly sinceMs: number;
  }[] = [];
  readonly network: Network;
  readonly ours: StreamEnd;

  constructor(latency: Latency = lan) {
    this.network = new Network(latency, seededRandom(1), {
      arrive: (atMs, end, arrival) => this.arrived.push({ atMs, end, arrival }),
      expire: (atMs, end, sinceMs) => this.expiries.push({ atMs, end, sinceMs }),
    });
    this.network.addMember();
    this.network.addMember();
    const end = (
      member: number,
    ): { member: number; life: number; link: ReturnType<typeof linkId> } => ({
      member,
      life: 1,
      link: linkId(1),
    });
    this.ours = this.network.connect(end(0), end(1), this.network.drawDelayMs());
  }

  get times(): number[] {
    return this.arrived.map(({ atMs }) => atMs);
  }
}

describe('a stream', () => {
  it('keeps the order of what was written, however long each frame takes', () => {
    const bench = new Bench(wan);
    for (let nowMs = 0; nowMs < 20_000; nowMs++) bench.network.write(bench.ours, prune, nowMs);
    assert.deepEqual(
      bench.times,
      bench.times.toSorted((a, b) => a - b),
    );
    const jitters = bench.times.map((atMs, index) => atMs - index - bench.ours.delayMs);
    assert.ok(
      jitters.every((ms) => ms >= -1e-9),
      'nothing is faster than the stream',
    );
    assert.ok(Math.max(...jitters) >= 200, 'now and then one is sent again');
  });

  it('goes both ways', () => {
    const bench = new Bench();
    bench.network.write(bench.ours, prune, 0);
    bench.network.write(bench.ours.other, 'ended', 0);
    assert.deepEqual(
      bench.arrived.map(({ end, arrival }) => [end.member, arrival]),
      [
        [1, prune],
        [0, 'ended'],
      ],
    );
  });

  it('keeps what is written while the way is cut, and brings it in order when it heals', () => {
    const bench = new Bench();
    const { network, ours } = bench;
    network.place([1], away);
    network.cut(home, away);
    assert.ok(network.write(ours, prune, 0));
    network.write(ours, 'ended', 10);
    assert.deepEqual(bench.arrived, []);
    network.write(ours.other, prune, 10);
    assert.equal(bench.arrived.length, 1, 'the other way is open');
    network.heal(1000);
    network.write(ours, prune, 1000);
    const later = bench.arrived.slice(1);
    assert.deepEqual(
      later.map(({ arrival }) => arrival),
      [prune, 'ended', prune],
    );
    assert.ok(later.every(({ atMs }) => atMs >= 1000 && atMs < 2100));
    const times = later.map(({ atMs }) => atMs);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
  });

  it('is given up by a sender that gets no answer for long, and only by one that still waits', () => {
    const bench = new Bench();
    const { network, ours } = bench;
    network.setDark(1, true, 0);
    network.write(ours, prune, 5);
    const [first] = bench.expiries;
    assert.ok(first !== undefined);
    assert.equal(first.atMs, 5 + streamGivesUpMs);
    network.setDark(1, false, 100);
    assert.equal(network.giveUp(first.end, first.sinceMs), false, 'it got through meanwhile');
    network.setDark(1, true, 200);
    network.write(ours, prune, 300);
    const second = bench.expiries[1];
    assert.ok(second !== undefined);
    assert.equal(network.giveUp(second.end, second.sinceMs), true);
    assert.equal(network.end(0, ours.link), undefined);
  });

  it('does not take more than its buffers hold while it stalls', () => {
    const { network, ours } = new Bench();
    network.setDark(1, true, 0);
    let written = 0;
    while (network.write(ours, prune, 0)) written++;
    assert.equal(written, 256);
  });

  it('loses the share of frames that it was told to', () => {
    const { network } = new Bench();
    network.frameLoss = 0.1;
    let lost = 0;
    for (let frame = 0; frame < 10_000; frame++) if (network.losesFrame()) lost++;
    assert.ok(lost > 900 && lost < 1100, `${lost} of 10 000`);
  });
});

describe('a partition', () => {
  it('keeps apart who is on different sides, one way or both, until it heals', () => {
    const { network } = new Bench();
    network.place([1], away);
    assert.deepEqual([network.isWhole, network.reaches(0, 1)], [true, true]);
    network.cut(home, away);
    assert.deepEqual([network.reaches(0, 1), network.reaches(1, 0)], [false, true]);
    network.cut(away, home);
    assert.deepEqual([network.reaches(0, 1), network.reaches(1, 0)], [false, false]);
    network.heal(0);
    assert.deepEqual([network.isWhole, network.reaches(0, 1)], [true, true]);
    assert.equal(network.sideOf(1), home);
  });

  it('leaves a machine without power unreachable', () => {
    const { network } = new Bench();
    network.setDark(1, true, 0);
    assert.deepEqual([network.reaches(0, 1), network.reaches(1, 0)], [false, false]);
    network.setDark(1, false, 0);
    assert.ok(network.reaches(0, 1));
  });
});
