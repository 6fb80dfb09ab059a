/** The campaign against a real etcd: one leader, growing epochs, quick successions, no overlap. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseNodeId, recordStatus } from '@herald/core';
import type { LeaderRecord } from '@herald/core';
import { monotonicNowMs } from '@herald/process';
import type { Candidacy } from '../candidacy.ts';
import { election, newContestant } from '../testing/contest.ts';
import type { Contestant, ContestantOptions } from '../testing/contest.ts';
import { EtcdServer } from '../testing/etcd-server.ts';
import { etcdctl, EtcdctlProcess } from '../testing/etcdctl.ts';
import { eventually } from '../testing/eventually.ts';
import { MemoryTier } from '../testing/memory-tier.ts';
import { TcpProxy } from '../testing/tcp-proxy.ts';
import { checkOneLeader } from '../testing/watchful.ts';

let etcd: EtcdServer;
let prefixCount = 0;

before(async () => {
  etcd = await EtcdServer.start();
});
after(async () => {
  await etcd[Symbol.asyncDispose]();
});

/** A tier and a prefix of their own, so that tests do not meet in etcd. */
function newGround() {
  const tier = new MemoryTier(parseNodeId('tier'));
  const prefix = `test-${++prefixCount}`;
  const stack = new AsyncDisposableStackLike();
  const join = async (name: string, options: Partial<ContestantOptions> = {}) => {
    const contestant = await newContestant({
      ...{ name, tier, prefix, endpoint: etcd.endpoint },
      ...options,
    });
    stack.use(contestant);
    return contestant;
  };
  /** As an elector of long ago would have left it. */
  const mark = async (): Promise<void> => {
    const elsewhere = new MemoryTier(parseNodeId('elsewhere'));
    const marker = await join('marker', { tier: elsewhere, health: () => false });
    await marker.campaigns.close();
  };
  return {
    ...{ tier, prefix, join, mark },
    path: `${prefix}/${election}`,
    [Symbol.asyncDispose]: () => stack.dispose(),
  };
}

class AsyncDisposableStackLike {
  readonly #resources: AsyncDisposable[] = [];
  use(resource: AsyncDisposable): void {
    this.#resources.push(resource);
  }
  async dispose(): Promise<void> {
    await Promise.all(this.#resources.map((each) => each[Symbol.asyncDispose]()));
  }
}

const isOfB = (record: LeaderRecord): boolean =>
  record.kind === 'leader' && record.leader.id === 'b';

const leaderAmong = (contestants: readonly Contestant[]): Contestant | undefined =>
  contestants.find(({ candidacy }) => candidacy.isLeader());

const waitForLeader = (contestants: readonly Contestant[], timeoutMs?: number) =>
  eventually('somebody leads', () => leaderAmong(contestants), timeoutMs);

const waitForAllInLine = (contestants: readonly { readonly candidacy: Candidacy }[]) =>
  eventually('all are in line', () =>
    contestants.every(({ candidacy }) => candidacy.state !== 'joining'),
  );

describe('succession', { concurrency: 4 }, () => {
  test('of five candidates one leads; each step-down hands over at once, to a higher epoch', async () => {
    await using ground = newGround();
    const five = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => ground.join(name)));
    await using watch = checkOneLeader(five);
    await waitForAllInLine(five);
    const epochs: bigint[] = [];
    for (let round = 0; round < 8; round++) {
      const leader = await waitForLeader(five);
      epochs.push(leader.candidacy.epoch);
      const startMs = monotonicNowMs();
      const ended = await leader.candidacy.stepDown('test');
      assert.equal(ended?.epoch, epochs.at(-1));
      assert.equal(leader.candidacy.isLeader(), false);
      const next = await waitForLeader(five, 1_000);
      assert.notEqual(next.name, leader.name);
      watch.note(`hand-over in ${(monotonicNowMs() - startMs).toFixed(1)} ms`);
    }
    const grows = epochs.every((epoch, index) => index === 0 || epoch > (epochs[index - 1] ?? 0n));
    assert.ok(grows, `epochs strictly grow: ${epochs.join(', ')}`);
    assert.equal(watch.overlaps, 0);
  });

  test('the successor of a step-down is published, after the vacancy or instead of it', async () => {
    await using ground = newGround();
    // Whoever loses a short lease on a busy machine loses its place to the one that stepped down.
    const ttlSeconds = 10;
    const a = await ground.join('a', { ttlSeconds });
    await waitForLeader([a]);
    const { epoch } = a.candidacy;
    const b = await ground.join('b', { ttlSeconds });
    await waitForAllInLine([b]);
    await a.candidacy.stepDown('test');
    await waitForLeader([b]);
    await eventually('the tier knows b', () => ground.tier.describe(election).endsWith(' b'));
    const { published } = ground.tier;
    for (const { kind, version } of published.slice(published.findIndex(isOfB), -1)) {
      assert.equal(kind, 'leader', `after the successor no vacancy is news, got ${version.epoch}`);
    }
    const vacancy = published.find(({ kind }) => kind === 'vacancy');
    assert.ok(vacancy === undefined || vacancy.version.epoch === epoch);
  });

  test('one that steps down alone leaves a vacancy, pauses, and leads again', async () => {
    await using ground = newGround();
    const a = await ground.join('a');
    await waitForLeader([a]);
    const { epoch } = a.candidacy;
    await a.candidacy.stepDown('test');
    assert.match(ground.tier.describe(election), new RegExp(`^vacancy 0\\.${epoch}\\.`));
    assert.equal(a.candidacy.isLeader(), false);
    await waitForLeader([a]);
    assert.ok(a.candidacy.epoch > epoch);
  });

  test('stepDown of one that does not lead changes nothing', async () => {
    await using ground = newGround();
    const ttlSeconds = 10; // a lease that a busy machine does not cost it
    const a = await ground.join('a', { ttlSeconds });
    await waitForLeader([a]);
    const { epoch } = a.candidacy;
    const b = await ground.join('b', { ttlSeconds });
    await waitForAllInLine([b]);
    assert.equal(await b.candidacy.stepDown('test'), undefined);
    assert.ok(a.candidacy.isLeader());
    assert.equal(a.candidacy.epoch, epoch);
  });

  test('closing hands over at once', async () => {
    await using ground = newGround();
    const a = await ground.join('a');
    await waitForLeader([a]);
    const b = await ground.join('b');
    await waitForAllInLine([b]);
    await a.campaigns.close();
    assert.equal(a.candidacy.state, 'stopped');
    await waitForLeader([b], 1_000);
  });
});

describe('leadership as a scope', { concurrency: 4 }, () => {
  test('each leadership has its epoch, and a signal that ends with it', async () => {
    await using ground = newGround();
    const a = await ground.join('a');
    const seen: bigint[] = [];
    const reasons: string[] = [];
    for await (const { epoch, signal, isLeader } of a.candidacy.leadership()) {
      seen.push(epoch);
      assert.ok(isLeader());
      assert.equal(signal.aborted, false);
      if (seen.length === 3) break;
      await a.candidacy.stepDown(`number ${seen.length}`);
      assert.ok(signal.aborted);
      assert.equal(isLeader(), false);
      reasons.push((signal.reason as Error).message);
    }
    assert.deepEqual(seen.toSorted(), seen);
    assert.equal(new Set(seen).size, 3);
    assert.match(reasons[1] ?? '', new RegExp(`epoch ${seen[1]} ended: stepped down: number 2`));
  });

  test('the iteration ends when the elector closes, and when its signal aborts', async () => {
    await using ground = newGround();
    const a = await ground.join('a');
    await waitForLeader([a]);
    const b = await ground.join('b');
    const collect = async (signal?: AbortSignal) => {
      let count = 0;
      for await (const leadership of b.candidacy.leadership(signal ? { signal } : {})) {
        if (leadership.epoch > 0n) count++;
      }
      return count;
    };
    const stop = new AbortController();
    const [stopped, closed] = [collect(stop.signal), collect()];
    stop.abort();
    assert.equal(await stopped, 0);
    await b.campaigns.close();
    assert.equal(await closed, 0);
  });
});

describe('the application', { concurrency: 4 }, () => {
  test('an unhealthy leader steps down and stays out of line until it is healthy', async () => {
    await using ground = newGround();
    let isHealthy = true;
    // Leases that a busy machine does not cost them.
    const ttlSeconds = 5;
    const a = await ground.join('a', { health: () => isHealthy, ttlSeconds });
    await waitForLeader([a]);
    const b = await ground.join('b', { ttlSeconds });
    await waitForAllInLine([b]);
    isHealthy = false;
    await waitForLeader([b]);
    await eventually('a says why', () => a.candidacy.trouble.includes('the health check said no'));
    assert.equal(a.candidacy.state, 'joining');
    isHealthy = true;
    await waitForAllInLine([a]);
    assert.ok(b.candidacy.isLeader());
  });

  test('a health check that throws or hangs is a no', async () => {
    await using ground = newGround();
    const throwing = await ground.join('a', {
      health: () => {
        throw new Error('disk full');
      },
    });
    const hanging = await ground.join('b', { health: () => new Promise<boolean>(() => {}) });
    await eventually('a says why', () => throwing.candidacy.trouble.includes('disk full'));
    await eventually('b says why', () => hanging.candidacy.trouble.includes('took longer'));
    assert.match(await etcdctl(etcd.endpoint, 'get', '--prefix', ground.path), /^$/);
  });

  test('a change of address and metadata is told with a higher sequence, and survives a new epoch', async () => {
    await using ground = newGround();
    const a = await ground.join('a');
    await waitForLeader([a]);
    const { epoch } = a.candidacy;
    await a.candidacy.proclaim({ address: '10.1.2.3:99', metadata: { zone: 'x' } });
    const record = ground.tier.leader(election)?.sealed.record;
    assert.ok(record?.kind === 'leader');
    assert.equal(record.leader.address, '10.1.2.3:99');
    assert.deepEqual({ ...record.leader.metadata }, { zone: 'x' });
    assert.equal(record.version.epoch, epoch);
    assert.ok(record.version.sequence > epoch);
    assert.deepEqual(a.candidacy.version, { ...record.version, renewal: 0 });
    await a.candidacy.stepDown('test');
    await waitForLeader([a]);
    const next = ground.tier.leader(election)?.sealed.record;
    assert.equal(next?.kind === 'leader' && next.leader.address, '10.1.2.3:99');
    await assert.rejects(
      a.candidacy.proclaim({ metadata: { big: 'x'.repeat(5_000) } }),
      /metadata/,
    );
  });
});

describe('faults', { concurrency: 4 }, () => {
  test('P1: a leader cut off from etcd ends by its own deadline, before its successor begins', async () => {
    await using ground = newGround();
    await using proxy = await TcpProxy.to(etcd.clientPort);
    const a = await ground.join('a', { endpoint: proxy.endpoint });
    await waitForLeader([a]);
    const b = await ground.join('b');
    await waitForAllInLine([b]);
    await using watch = checkOneLeader([a, b]);
    const { epoch } = a.candidacy;
    const startMs = monotonicNowMs();
    proxy.swallow();
    await waitForLeader([b]);
    watch.note(`successor after ${(monotonicNowMs() - startMs).toFixed(0)} ms`);
    const gapMs = await eventually(
      'b was asked',
      () => !Number.isNaN(watch.gapMs('a', 'b')) && watch.gapMs('a', 'b'),
    );
    assert.ok(gapMs > 0, `a ended before b began, got ${gapMs} ms`);
    assert.equal(watch.overlaps, 0);
    proxy.heal();
    await waitForAllInLine([a]);
    assert.ok(b.candidacy.isLeader());
    assert.ok(a.candidacy.epoch > b.candidacy.epoch && b.candidacy.epoch > epoch);
  });

  test('an endpoint that swallows is given up for another one, before the deadline', async () => {
    await using ground = newGround();
    await using first = await TcpProxy.to(etcd.clientPort);
    await using second = await TcpProxy.to(etcd.clientPort);
    const ttlSeconds = 15;
    const a = await ground.join('a', {
      endpoint: first.endpoint,
      moreEndpoints: [second.endpoint],
      // Long enough for two calls to be given up in time, also where the whole process stands still for a while.
      ttlSeconds,
      random: () => 0,
    });
    await waitForLeader([a]);
    const { epoch } = a.candidacy;
    await using watch = checkOneLeader([a]);
    const swallowedMs = monotonicNowMs();
    first.swallow();
    const leaseEndsMs = swallowedMs + ttlSeconds * 1_000;
    await eventually('a deadline that only a renewal since can have moved there', () => {
      return monotonicNowMs() + a.candidacy.leadingForMs() > leaseEndsMs;
    });
    assert.ok(a.candidacy.isLeader());
    assert.equal(a.candidacy.epoch, epoch);
    assert.equal(watch.interruptions('a'), 0);
  });

  test('a key that somebody deletes ends the leadership, and later writes are fenced off', async () => {
    await using ground = newGround();
    const a = await ground.join('a');
    await waitForLeader([a]);
    const { epoch } = a.candidacy;
    const ended = new Promise<string>((resolve, reject) => {
      void (async () => {
        for await (const { signal } of a.candidacy.leadership()) {
          signal.addEventListener('abort', () => resolve((signal.reason as Error).message));
          return;
        }
      })().catch(reject);
    });
    await etcdctl(etcd.endpoint, 'del', '--prefix', ground.path);
    assert.match(await ended, /the key is gone from etcd/);
    await waitForLeader([a]);
    assert.ok(a.candidacy.epoch > epoch);
  });

  test('etcd that stops and comes back: nobody leads past the lease, then one leads again', async () => {
    await using server = await EtcdServer.start();
    await using ground = newGround();
    const three = await Promise.all(
      ['a', 'b', 'c'].map((name) => ground.join(name, { endpoint: server.endpoint })),
    );
    await waitForAllInLine(three);
    await using watch = checkOneLeader(three);
    const before = (await waitForLeader(three)).candidacy.epoch;
    await server.stop();
    await eventually('nobody leads', () => leaderAmong(three) === undefined, 3_000);
    const held = ground.tier.leader(election)?.sealed.record;
    assert.equal(held?.kind, 'leader', 'without etcd nobody can say that the leader is gone');
    await server.resume();
    const leader = await waitForLeader(three);
    assert.ok(leader.candidacy.epoch > before);
    await waitForAllInLine(three);
    await eventually('no trouble is left', () =>
      three.every(({ candidacy }) => candidacy.trouble === ''),
    );
    assert.equal(watch.overlaps, 0);
  });

  test('etcd that is killed and is back within the lease costs no leadership', async () => {
    await using server = await EtcdServer.start();
    await using ground = newGround();
    const a = await ground.join('a', { endpoint: server.endpoint, ttlSeconds: 10 });
    await waitForLeader([a]);
    const { epoch } = a.candidacy;
    await using watch = checkOneLeader([a]);
    await server.stop('SIGKILL');
    await server.resume();
    await eventually('it is renewed again', () => a.candidacy.leadingForMs() > 8_000);
    assert.equal(a.candidacy.epoch, epoch);
    assert.equal(watch.interruptions('a'), 0);
  });

  test('closing ends soon when etcd is away', async () => {
    await using server = await EtcdServer.start();
    await using ground = newGround();
    const a = await ground.join('a', { endpoint: server.endpoint });
    await waitForLeader([a]);
    await server.stop('SIGKILL');
    const startMs = monotonicNowMs();
    await a.campaigns.close(500);
    assert.ok(monotonicNowMs() - startMs < 1_500);
    assert.equal(a.candidacy.isLeader(), false);
  });

  test('etcd that does not answer at the start is an error that names it', async () => {
    await using ground = newGround();
    await assert.rejects(
      ground.join('a', { endpoint: 'http://127.0.0.1:1', waitMs: 300 }),
      /no etcd answered within 300 ms at http:\/\/127.0.0.1:1/,
    );
  });
});

describe('candidates of another make', { concurrency: 4 }, () => {
  test('etcdctl elect --listen names our leader', async () => {
    await using ground = newGround();
    const a = await ground.join('a');
    await waitForLeader([a]);
    await using listener = new EtcdctlProcess(etcd.endpoint, ['elect', '--listen', ground.path]);
    await eventually('etcdctl names a', () => listener.output.includes('"id":"a"'));
    assert.match(listener.output, new RegExp(`^${ground.path}/[0-9a-f]+\n`));
    const b = await ground.join('b');
    await waitForAllInLine([b]);
    await a.candidacy.stepDown('test');
    await eventually('etcdctl names b', () => listener.output.includes('"id":"b"'));
  });

  test('an etcdctl elect candidate in line takes over, is vouched for, and hands back', async () => {
    await using ground = newGround();
    const a = await ground.join('a');
    await waitForLeader([a]);
    await using foreign = new EtcdctlProcess(etcd.endpoint, ['elect', ground.path, '10.9.9.9:80']);
    await eventually('etcdctl stands in line', async () => {
      const keys = await etcdctl(etcd.endpoint, 'get', '--prefix', '--keys-only', ground.path);
      return keys.trim().split('\n\n').length === 2;
    });
    await a.candidacy.stepDown('test');
    const record = await eventually('the tier names the foreign leader', () => {
      const held = ground.tier.leader(election)?.sealed.record;
      return held?.kind === 'leader' && held.leader.id.startsWith('etcd-') ? held : undefined;
    });
    assert.equal(record.leader.address, '10.9.9.9:80');
    assert.equal(record.leader.electorAddress, undefined);
    // etcdctl's lease lives for 60 s and is renewed every 20 s, the first time long ago perhaps.
    assert.ok(record.validityMs > 35_000 && record.validityMs <= 60_000, `${record.validityMs} ms`);
    await eventually('etcdctl itself says that it leads', () =>
      foreign.output.includes(ground.path),
    );
    await waitForAllInLine([a]);
    await foreign.kill('SIGINT');
    await waitForLeader([a], 2_000);
    await eventually('the tier names a', () => ground.tier.describe(election).endsWith(' a'));
  });
});

describe('the tier', { concurrency: 4 }, () => {
  const claimOf = (epoch: bigint, sequence = epoch) => ({
    kind: 'leader' as const,
    ...{ election, issuer: parseNodeId('z'), validityMs: 3_000 },
    version: { lineage: 0, epoch, sequence, renewal: 0 },
    leader: { id: parseNodeId('z'), address: '10.0.0.9:1', metadata: {} },
  });

  test('a leader that the tier still names, of an election that is empty, is published as gone', async () => {
    await using ground = newGround();
    await ground.mark();
    const put = await etcdctl(etcd.endpoint, 'put', 'x', '1', '-w', 'json');
    const { revision } = (JSON.parse(put) as { header: { revision: number } }).header;
    ground.tier.publish(claimOf(BigInt(revision)));
    await etcdctl(etcd.endpoint, 'put', 'x', '2');
    // One that is unfit observes, and does not campaign.
    await ground.join('a', { health: () => false });
    await eventually('the vacancy is published', () =>
      ground.tier.describe(election).startsWith(`vacancy 0.${revision}.`),
    );
  });

  test('nothing is published of an election that is empty and unknown', async () => {
    await using ground = newGround();
    const a = await ground.join('a', { health: () => false });
    await eventually('a has looked', () => a.candidacy.trouble !== '');
    assert.deepEqual(ground.tier.published, []);
  });

  test('renewals keep the record current, one higher each time', async () => {
    await using ground = newGround();
    // A lease that a busy machine does not cost it: with the next one the renewals begin anew.
    const a = await ground.join('a', { ttlSeconds: 5 });
    await waitForLeader([a]);
    await eventually('three renewals are published', () => ground.tier.published.length >= 4);
    const renewals = ground.tier.published.map(({ version }) => version.renewal);
    assert.deepEqual(renewals.slice(0, 4), [0, 1, 2, 3]);
    const held = ground.tier.leader(election);
    assert.ok(held && recordStatus(held, ground.tier.nowMs()) === 'current');
  });

  test('a leader that is cut off from the tier is vouched for, while its lease lives', async () => {
    await using ground = newGround();
    const cutOff = new MemoryTier(parseNodeId('island'));
    // A lease that a busy machine does not cost it. A voucher claims only what etcd says is left of it, so
    // that one that comes late by the rest of that has every right to leave the record expired: b looks
    // as early as the spread allows, and c, who looks last, is there for what b should miss.
    const a = await ground.join('a', { tier: cutOff, ttlSeconds: 6 });
    await waitForLeader([a]);
    const b = await ground.join('b', { random: () => 0 });
    const c = await ground.join('c', { random: () => 0.999 });
    await waitForAllInLine([b, c]);
    // For more than two leases the tier hears nothing of a, and yet never loses it.
    await eventually('the tier knows a', () => ground.tier.describe(election).endsWith(' a'));
    const startMs = monotonicNowMs();
    await eventually('two leases and a half later', () => {
      const held = ground.tier.leader(election);
      assert.ok(held && recordStatus(held, ground.tier.nowMs()) === 'current');
      return monotonicNowMs() - startMs > 15_000;
    });
    const { published } = ground.tier;
    assert.ok(published.length >= 4, `vouchers were published, got ${published.length}`);
    assert.ok(published.length <= 14, `but not by everybody each time, got ${published.length}`);
    assert.deepEqual(new Set(published.map(({ issuer }) => issuer)).has(parseNodeId('a')), false);
    assert.ok(a.candidacy.isLeader());
  });

  test('electors are introduced to each other through etcd', async () => {
    await using ground = newGround();
    const tiers = ['a', 'b'].map((name) => new MemoryTier(parseNodeId(name)));
    const [a, b] = await Promise.all(
      tiers.map((tier, index) => ground.join(`e${index}`, { tier })),
    );
    await eventually('each knows the other', () => {
      return (
        tiers[0]?.introduced.includes(b!.candidacy.profile.electorAddress) === true &&
        tiers[1]?.introduced.includes(a!.candidacy.profile.electorAddress)
      );
    });
    assert.equal(tiers[0]?.introduced.includes(a!.candidacy.profile.electorAddress), false);
  });
});
