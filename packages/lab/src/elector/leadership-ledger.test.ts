import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeadershipLedger } from './leadership-ledger.ts';

test('leaderships that follow each other do not overlap', () => {
  const ledger = new LeadershipLedger();
  ledger.started('a', 5n, 100);
  ledger.ended('a', 5n, 200, 'asked');
  ledger.started('b', 9n, 200);
  assert.deepEqual(ledger.overlaps(), []);
  assert.equal(ledger.current()?.electorId, 'b');
});

test('an end that is reported after the successor began still counts from when it was', () => {
  const ledger = new LeadershipLedger();
  ledger.started('a', 5n, 100);
  ledger.started('b', 9n, 201);
  assert.equal(ledger.overlaps().length, 1);
  ledger.ended('a', 5n, 200, 'asked');
  assert.deepEqual(ledger.overlaps(), []);
});

test('two that lead at once are found, also with another between them', () => {
  const ledger = new LeadershipLedger();
  ledger.started('a', 5n, 100);
  ledger.started('b', 6n, 150);
  ledger.ended('b', 6n, 160, 'asked');
  ledger.started('c', 7n, 170);
  ledger.ended('a', 5n, 180, 'late');
  const pairs = ledger.overlaps().map(([one, other]) => `${one.electorId}${other.electorId}`);
  assert.deepEqual(pairs, ['ab', 'ac']);
});

test('a killed leader led until it died', () => {
  const ledger = new LeadershipLedger();
  ledger.started('a', 5n, 100);
  ledger.died('a', 300);
  assert.equal(ledger.current(), undefined);
  assert.equal(ledger.led('a', 5n, 250, 260), true);
  assert.equal(ledger.led('a', 5n, 301, 400), false);
  assert.equal(ledger.led('a', 6n, 250, 260), false);
  assert.equal(ledger.led('b', 5n, 250, 260), false);
});

test('a leader that is paused leads nobody while it is silent', () => {
  const ledger = new LeadershipLedger();
  ledger.started('a', 5n, 100);
  ledger.paused('a', 1_000);
  ledger.started('b', 9n, 4_200);
  assert.deepEqual(ledger.overlaps(), []);
  ledger.ended('a', 5n, 3_600, 'own deadline passed');
  ledger.heard('a');
  assert.deepEqual(ledger.overlaps(), []);
  assert.equal(ledger.leaderships[0]?.endMs, 3_600);
});

test('a leader that goes on after a pause is held to it', () => {
  const ledger = new LeadershipLedger();
  ledger.started('a', 5n, 100);
  ledger.paused('a', 1_000);
  ledger.heard('a');
  assert.equal(ledger.current()?.electorId, 'a');
  ledger.started('b', 9n, 2_000);
  assert.equal(ledger.overlaps().length, 1);
});

test('the ledger stays within its bound', () => {
  const ledger = new LeadershipLedger();
  for (let epoch = 1; epoch <= 2_000; epoch++) {
    ledger.started('a', BigInt(epoch), epoch);
    ledger.ended('a', BigInt(epoch), epoch + 0.5, 'asked');
  }
  assert.equal(ledger.leaderships.length, 512);
  assert.equal(ledger.leaderships.at(-1)?.epoch, 2_000n);
});
