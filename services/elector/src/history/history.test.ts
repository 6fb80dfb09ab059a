/**
 * Electors around a real etcd that is wiped, replaced and restored from a real snapshot: they refuse, say
 * the one command, and after it go on by themselves; the tier is never taken back.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compareVersions, parseNodeId } from '@herald/core';
import type { LeaderRecord, Version } from '@herald/core';
import type { RaiseOutcome } from '@herald/wire';
import { election, newContestant } from '../testing/contest.ts';
import type { Contestant, ContestantOptions } from '../testing/contest.ts';
import { EtcdServer } from '../testing/etcd-server.ts';
import { etcdctl } from '../testing/etcdctl.ts';
import { eventually } from '../testing/eventually.ts';
import { MemoryTier } from '../testing/memory-tier.ts';
import { checkOneLeader } from '../testing/watchful.ts';
import type { RaiseAnswer } from './raise.ts';

const order = { dryRun: false, knownLineage: 0, atLeast: 0 };

/** An etcd of its own for each test, since each does harm to it; and a tier in memory. */
class Scene implements AsyncDisposable {
  readonly etcd: EtcdServer;
  readonly tier = new MemoryTier(parseNodeId('tier'));
  readonly all: Contestant[] = [];

  constructor(etcd: EtcdServer) {
    this.etcd = etcd;
  }

  static async start(): Promise<Scene> {
    return new Scene(await EtcdServer.start());
  }

  async join(name: string, options: Partial<ContestantOptions> = {}): Promise<Contestant> {
    const { tier, etcd } = this;
    const contestant = await newContestant({ name, tier, endpoint: etcd.endpoint, ...options });
    this.all.push(contestant);
    return contestant;
  }

  /** Revisions that have nothing to do with elections. */
  async grow(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      await etcdctl(this.etcd.endpoint, 'put', 'x', `${index}`);
    }
  }

  /** Until there is a leader whose key is newer than that, and the tier knows it. */
  async stepDownPast(epoch: bigint): Promise<void> {
    await eventually(`a leader above epoch ${epoch}`, async () => {
      const { candidacy } = await this.leader();
      if (candidacy.epoch > epoch) return this.version.epoch === candidacy.epoch;
      await candidacy.stepDown('test');
      return false;
    });
  }

  get version(): Version {
    const held = this.tier.leader(election);
    assert.ok(held !== undefined);
    return held.sealed.record.version;
  }

  leader(): Promise<Contestant> {
    return eventually('somebody leads', () =>
      this.all.find(({ candidacy }) => candidacy.isLeader()),
    );
  }

  async untilAllRefuse(says: RegExp): Promise<void> {
    await eventually('all refuse', () =>
      this.all.every(({ candidacy }) => candidacy.state === 'refusing'),
    );
    for (const { candidacy } of this.all) {
      assert.match(candidacy.trouble, says);
      assert.match(candidacy.trouble, /herald lineage raise --elector 127\.0\.0\.1:\d+$/);
      assert.ok(Buffer.byteLength(candidacy.trouble) < 512, 'it fits what Status carries');
      assert.equal(candidacy.isLeader(), false);
    }
  }

  /** As the command does it: again, once the last leader cannot live any more. */
  raise(contestant: Contestant): Promise<RaiseAnswer> {
    return eventually('the lineage is raised', async () => {
      const answer = await contestant.campaigns.raiseLineage(order);
      return answer.outcome !== 'leader-lives' && answer;
    });
  }

  assertForwardOnly(): void {
    const versions = this.tier.published.map(({ version }) => version);
    const inOrder = versions.every(
      (version, index) => index === 0 || compareVersions(version, versions[index - 1]!) > 0,
    );
    assert.ok(inOrder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((each) => each[Symbol.asyncDispose]()));
    await this.etcd[Symbol.asyncDispose]();
  }
}

const claimOf = (lineage: number, epoch: bigint): LeaderRecord => ({
  kind: 'leader',
  ...{ election, issuer: parseNodeId('z'), validityMs: 1_000 },
  version: { lineage, epoch, sequence: epoch, renewal: 0 },
  leader: { id: parseNodeId('z'), address: '10.0.0.9:1', metadata: {} },
});

describe('P2: history lost', { concurrency: 3 }, () => {
  for (const [what, token] of [
    ['another cluster id', 'restored'],
    ['the same cluster id', 'first'],
  ] as const) {
    test(`a snapshot that is restored under ${what} is refused, and left by the one command`, async () => {
      await using scene = await Scene.start();
      const [a, b] = [await scene.join('a'), await scene.join('b')];
      await using watch = checkOneLeader(scene.all);
      await scene.leader();
      const snapshot = await scene.etcd.snapshot();
      await scene.grow(20);
      await scene.stepDownPast(scene.version.epoch + 20n);
      const before = scene.version;
      await scene.etcd.restore(snapshot, token);
      await scene.untilAllRefuse(
        token === 'first' ? /went back|the tier knows of/ : /it belongs to cluster|marked by/,
      );
      assert.ok(compareVersions(scene.version, before) >= 0);

      const raised = await scene.raise(a);
      assert.deepEqual([raised.outcome, raised.lineageBefore, raised.raisedTo], ['raised', 0, 1]);
      const next = await scene.leader();
      await eventually('the tier knows', () => scene.version.lineage === 1);
      assert.equal(next.candidacy.currentLeadership()?.lineage, 1);
      assert.ok(next.candidacy.epoch < before.epoch, 'the epoch is lower, the lineage decides');
      await eventually('the other stands in line, too', () =>
        [a, b].every((each) => each.candidacy.state !== 'refusing'),
      );
      scene.assertForwardOnly();
      assert.equal(watch.overlaps, 0);
      // A second command finds nothing to do.
      const again = await b.campaigns.raiseLineage(order);
      assert.deepEqual([again.outcome, again.raisedTo], ['not-needed', 0]);
    });
  }

  test('an etcd that was wiped is refused by those that run, and by those that start then', async () => {
    await using scene = await Scene.start();
    await scene.join('a');
    await scene.leader();
    await eventually('the tier knows', () => scene.tier.leader(election) !== undefined);
    await scene.etcd.wipe();
    // It is past what the tier knows by the time that the next one looks at it.
    await scene.grow(40);
    await scene.untilAllRefuse(/its mark is gone|revision went back|no mark/);
    const late = await scene.join('late');
    await scene.untilAllRefuse(/mark|revision/);
    assert.match(late.candidacy.trouble, /it bears no mark, but the tier knows version 0\./);
    const { raisedTo, lineageBefore } = await scene.raise(late);
    assert.deepEqual([lineageBefore, raisedTo], [undefined, 1]);
    await scene.leader();
    scene.assertForwardOnly();
  });

  test('one that began alone on an empty etcd stops when it meets the tier', async () => {
    await using scene = await Scene.start();
    const a = await scene.join('a');
    await scene.leader();
    scene.tier.publish(claimOf(0, 1_000_000n));
    await scene.untilAllRefuse(/the tier knows of revision 1000000, but etcd is only at/);
    assert.equal(scene.tier.describe(election), 'leader 0.1000000.1000000.0 z');
    assert.equal((await scene.raise(a)).raisedTo, 1);
    await scene.leader();
    await eventually('the tier follows', () => scene.tier.describe(election).endsWith(' a'));
    scene.assertForwardOnly();
  });

  test('a tier of a higher lineage is not taken back; the new one is above all that is known', async () => {
    await using scene = await Scene.start();
    scene.tier.publish(claimOf(4, 9n));
    const a = await scene.join('a');
    await scene.untilAllRefuse(/it bears no mark, but the tier knows version 4\.9/);
    const known = await a.campaigns.raiseLineage({ ...order, dryRun: true, knownLineage: 6 });
    assert.deepEqual([known.tierLineage, known.raisedTo], [6, 7]);
    assert.equal((await scene.raise(a)).raisedTo, 5);
    await scene.leader();
    assert.equal(a.candidacy.version?.lineage, 5);
  });

  test('the refusal stays when etcd has caught up: only the command ends it', async () => {
    await using scene = await Scene.start();
    const a = await scene.join('a');
    await scene.leader();
    const { revision } = await a.campaigns.raiseLineage({ ...order, dryRun: true });
    scene.tier.publish(claimOf(0, revision + 10n));
    await scene.untilAllRefuse(/the tier knows of revision/);
    await scene.grow(20);
    const look = await a.campaigns.raiseLineage({ ...order, dryRun: true });
    assert.ok(look.revision > revision + 10n);
    assert.match(look.trouble, /the tier knows of revision/);
    assert.equal(a.candidacy.state, 'refusing');
  });
});

describe('raising the lineage', { concurrency: 3 }, () => {
  test('waits for the last leader, and says who that is', async () => {
    await using scene = await Scene.start();
    const { leader, ...claim } = claimOf(1, 9n) as Extract<LeaderRecord, { kind: 'leader' }>;
    scene.tier.publish({ ...claim, leader, validityMs: 86_400_000 });
    const a = await scene.join('a');
    await scene.untilAllRefuse(/no mark/);
    const { outcome, waitFor, waitMs } = await a.campaigns.raiseLineage(order);
    assert.equal(outcome, 'leader-lives');
    assert.equal(waitFor, 'z may lead payments (version 1.9.9.0)');
    assert.ok(waitMs > 86_000_000);
    scene.tier.publish({
      ...claim,
      leader,
      version: { ...claim.version, renewal: 1 },
      validityMs: 1,
    });
    assert.equal((await scene.raise(a)).outcome, 'raised');
  });

  test('is not done where nothing is wrong, nor by a dry run', async () => {
    await using scene = await Scene.start();
    const a = await scene.join('a');
    await scene.leader();
    const outcomeOf = async (wish: Partial<typeof order>): Promise<RaiseOutcome> =>
      (await a.campaigns.raiseLineage({ ...order, ...wish })).outcome;
    assert.equal(await outcomeOf({}), 'not-needed');
    assert.equal(await outcomeOf({ dryRun: true, atLeast: 3 }), 'would-raise');
    assert.ok(a.candidacy.isLeader());
    assert.equal(a.candidacy.version?.lineage, 0);
  });

  test('where nothing is wrong but a wish, the leader hands over to its successor in the new lineage', async () => {
    await using scene = await Scene.start();
    const [a] = [await scene.join('a'), await scene.join('b')];
    await using watch = checkOneLeader(scene.all);
    await scene.leader();
    const { outcome, raisedTo } = await a.campaigns.raiseLineage({ ...order, atLeast: 3 });
    assert.deepEqual([outcome, raisedTo], ['raised', 3]);
    await eventually('somebody leads in it', () =>
      scene.all.some(({ candidacy }) => candidacy.version?.lineage === 3),
    );
    assert.equal(watch.overlaps, 0);
    scene.assertForwardOnly();
  });

  test('of two at once one is done', async () => {
    await using scene = await Scene.start();
    scene.tier.publish(claimOf(0, 1_000n));
    const [a, b] = [await scene.join('a'), await scene.join('b')];
    await scene.untilAllRefuse(/no mark/);
    await eventually('no leader can live', async () => {
      const { outcome } = await a.campaigns.raiseLineage({ ...order, dryRun: true });
      return outcome === 'would-raise';
    });
    const settled = await Promise.allSettled(
      [a, b].map((each) => each.campaigns.raiseLineage(order)),
    );
    const raised = settled.filter(
      (each) => each.status === 'fulfilled' && each.value.outcome === 'raised',
    );
    assert.equal(
      raised.length,
      1,
      JSON.stringify(settled, (_, value: unknown) => String(value)),
    );
    await scene.leader();
    assert.equal(Math.max(...scene.all.map((each) => each.candidacy.version?.lineage ?? 0)), 1);
  });
});
