import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { parseElectionName, parseNodeId } from '@herald/core';
import type { HeldRecord } from '@herald/core';
import { createLogger } from '@herald/process';
import { encodeRecord } from '@herald/wire';
import type { LeaseLife } from '../etcd/leases.ts';
import { eventually } from '../testing/eventually.ts';
import { TroubleLog } from '../trouble.ts';
import { toView } from './view.ts';
import { Voucher } from './voucher.ts';
import type { ReadLeader } from './voucher.ts';

const quiet = createLogger({ name: 't', level: 'silent', destination: { write: () => undefined } });

function newScene(t: TestContext, life: () => LeaseLife | Promise<LeaseLife>, random = 0) {
  const scene = {
    nowMs: 0,
    held: undefined as HeldRecord | undefined,
    asked: 0,
    vouched: [] as number[],
  };
  const hold = (epoch: bigint, validityMs: number): void => {
    const sealed = encodeRecord({
      kind: 'leader',
      election: parseElectionName('e'),
      issuer: parseNodeId('a'),
      version: { lineage: 0, epoch, sequence: epoch, renewal: 0 },
      leader: { id: parseNodeId('x'), address: '', metadata: {} },
      validityMs,
    });
    scene.held = { sealed, appliedAtMs: scene.nowMs, ageAtApplyMs: 0, hops: 0 };
  };
  const trouble = new TroubleLog(quiet);
  const voucher = new Voucher({
    ...{ trouble, ttlMs: 3_000, random: () => random },
    leases: {
      life: async () => {
        scene.asked++;
        return life();
      },
    },
    held: () => scene.held,
    nowMs: () => scene.nowMs,
    vouch: ({ key }, validityMs) => {
      scene.vouched.push(validityMs);
      hold(key.createRevision, validityMs);
    },
  });
  t.after(() => {
    voucher[Symbol.dispose]();
  });
  const leader = (epoch: bigint, leaseId = 1n): ReadLeader => {
    const [key] = toView(
      {
        ...{ clusterId: '1', revision: 99n, isTruncated: false },
        keys: [{ key: 'p/1', value: 'x:1', leaseId, createRevision: epoch, modRevision: epoch }],
      },
      0,
      undefined,
    ).candidates;
    assert.ok(key !== undefined);
    return { lineage: 0, key };
  };
  return { scene, voucher, hold, leader, trouble };
}

const alive = (): LeaseLife => ({ kind: 'alive', remainingMsMax: 60_000 });

test('a leader that the tier does not know is asked about at once, and vouched for', async (t) => {
  const { scene, voucher, leader } = newScene(t, alive);
  voucher.watchOver(leader(5n));
  await eventually('it is vouched for', () => scene.vouched.length === 1);
  assert.deepEqual(scene.vouched, [60_000]);
});

test('one that is heard of is not asked about; one that falls silent is', async (t) => {
  const { scene, voucher, hold, leader } = newScene(t, alive);
  hold(5n, 100);
  voucher.watchOver(leader(5n));
  // The leader renews: its record is young whenever it is looked at.
  for (let renewal = 0; renewal < 20; renewal++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    scene.nowMs += 10;
    hold(5n, 100);
  }
  assert.equal(scene.asked, 0);
  scene.nowMs += 60;
  await eventually('it is vouched for', () => scene.vouched.length === 1);
});

test('a lease that ends or is gone is not vouched for', async (t) => {
  const lives: LeaseLife[] = [{ kind: 'ending' }, { kind: 'gone' }, alive()];
  const { scene, voucher, leader } = newScene(t, () => lives.shift() ?? alive());
  voucher.watchOver(leader(5n));
  await eventually('the first answer came', () => scene.asked === 1);
  assert.equal(scene.vouched.length, 0);
  await eventually('the third answer came', () => scene.vouched.length === 1);
  assert.equal(scene.asked, 3);
});

test('etcd that does not answer is asked again, and the trouble is told', async (t) => {
  let failures = 2;
  const { scene, voucher, leader, trouble } = newScene(t, () => {
    if (failures-- > 0) throw new Error('away');
    return alive();
  });
  voucher.watchOver(leader(5n));
  await eventually('the trouble is told', () => trouble.text === 'away');
  await eventually('it is vouched for', () => scene.vouched.length === 1);
  assert.equal(trouble.text, '');
});

test('an answer about a leader that is gone by then says nothing about the next', async (t) => {
  let answer: (life: LeaseLife) => void = () => {};
  const { scene, voucher, leader } = newScene(
    t,
    () =>
      new Promise<LeaseLife>((resolve) => {
        answer = resolve;
      }),
  );
  voucher.watchOver(leader(5n));
  await eventually('it is asked', () => scene.asked === 1);
  voucher.watchOver(leader(9n));
  answer(alive());
  await eventually('the next is asked about', () => scene.asked === 2);
  assert.equal(scene.vouched.length, 0);
});

test('a key without a lease is vouched for without asking', async (t) => {
  const { scene, voucher, leader } = newScene(t, alive);
  voucher.watchOver(leader(5n, 0n));
  await eventually('it is vouched for', () => scene.vouched.length === 1);
  assert.deepEqual([scene.vouched[0], scene.asked], [3_000, 0]);
});

test('the same key in a raised lineage is vouched for anew', async (t) => {
  const { scene, voucher, leader } = newScene(t, alive);
  voucher.watchOver(leader(5n));
  await eventually('it is vouched for', () => scene.vouched.length === 1);
  voucher.watchOver({ ...leader(5n), lineage: 1 });
  await eventually('it is vouched for again', () => scene.vouched.length >= 2);
});

test('trouble with etcd is over when the leader is heard again, or there is nobody to vouch for', async (t) => {
  for (const how of ['heard', 'nobody'] as const) {
    const { voucher, hold, leader, trouble } = newScene(t, () => {
      throw new Error('away');
    });
    voucher.watchOver(leader(5n));
    await eventually('the trouble is told', () => trouble.text === 'away');
    if (how === 'heard') hold(5n, 60_000);
    else voucher.watchOver(undefined);
    await eventually('it is over', () => trouble.text === '');
  }
});
