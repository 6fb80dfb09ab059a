/** What runs are told as, to people and to machines. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { BrokenPromise } from './checks/broken-promise.ts';
import { replayLine, reportOf, storyLine, summaryOf, totalOf, verdictOf } from './report.ts';
import type { Outcome } from './run-scenario.ts';
import { counted, duration, grouped, share } from './scenarios/wording.ts';

const held: Outcome = {
  scenario: 'calm',
  nodes: 1000,
  seed: 7,
  membership: true,
  broken: undefined,
  figures: { hopsP99: 6, hopsMax: 7, pushesPerNode: 1.001, spreadMs: 4.2, detectionMs: 3500 },
  falseSuspicions: 0,
  virtualMs: 61_000,
  wallSeconds: 12.5,
  cpuSeconds: 11.5,
};
const broken: Outcome = {
  ...held,
  seed: 8,
  membership: false,
  broken: new BrokenPromise('P2', 12_345, 'node-1 went back'),
};

describe('a report', () => {
  it('has every figure for machines; what was not measured is null', () => {
    const report = reportOf(held);
    assert.deepEqual(report, {
      nodes: 1000,
      seed: 7,
      scenario: 'calm',
      membership: true,
      verdict: 'held',
      broken: null,
      hopsP99: 6,
      hopsMax: 7,
      pushesPerNode: 1.001,
      lazyPushesPerNode: null,
      repairPushesPerNode: null,
      spreadMs: 4.2,
      atOnceShare: null,
      idleFramesPerNodePerSecond: null,
      idleBytesPerNodePerSecond: null,
      changeBytesPerNode: null,
      convergedMs: null,
      detectionMs: 3500,
      falseSuspicions: 0,
      virtualSeconds: 61,
      wallSeconds: 12.5,
      cpuSeconds: 11.5,
    });
    assert.equal(reportOf(broken).verdict, 'broken');
    assert.match(reportOf(broken).broken ?? '', /P2 after 12\.345 s: node-1 went back/);
  });

  it('ends a broken run with the line that replays it', () => {
    const line = 'npm run sim -- --nodes 1000 --seed 8 --scenario calm --leader-plane';
    assert.equal(replayLine(broken), line);
    assert.equal(verdictOf(broken).split('\n').at(-1), `replay: ${line}`);
    assert.ok(summaryOf(broken).includes(line));
    assert.match(verdictOf(held), /^held: /);
    assert.doesNotMatch(verdictOf(held), /replay/);
  });

  it('shows where an engine threw', () => {
    const thrown = { ...broken, broken: new TypeError('no such thing') };
    assert.match(verdictOf(thrown), /TypeError: no such thing\n\s+at /);
  });

  it('tells of many runs how far the last member was', () => {
    const others = [4, 5, 9].map((hopsMax) => ({ ...held, figures: { hopsMax } }));
    assert.equal(
      totalOf([...others, broken]),
      '4 runs, 1 broken; hops to the last member: median 7, p99 9, at most 9',
    );
    assert.equal(totalOf([{ ...held, figures: {} }]), '1 run, 0 broken');
  });

  it('tells a story with its time', () => {
    assert.equal(storyLine(61_234, 'x'), '     61.2 s  x');
  });
});

describe('wording', () => {
  it('counts, groups digits, and picks the unit that suits', () => {
    assert.deepEqual([counted(1, 'node'), counted(12_345, 'node')], ['1 node', '12 345 nodes']);
    assert.deepEqual([999, 1000, 1_234_567].map(grouped), ['999', '1 000', '1 234 567']);
    assert.deepEqual([1.25, 250, 2500, 1_200_000, Infinity].map(duration), [
      '1.3 ms',
      '250 ms',
      '2.5 s',
      '20.0 min',
      'never',
    ]);
  });

  it('never rounds a share up', () => {
    assert.deepEqual([share(0.99999), share(1)], ['99.99 %', '100.00 %']);
  });
});
