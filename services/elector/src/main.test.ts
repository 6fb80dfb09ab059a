/** The process: what it is told, how it ends, and what others see of it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { monotonicNowMs } from '@herald/process';
import { ElectorProcess } from './testing/elector-process.ts';
import { EtcdServer } from './testing/etcd-server.ts';
import { eventually } from './testing/eventually.ts';

const note = (text: string): void => {
  if (process.env['HERALD_TEST_NOTES'] !== undefined) console.log(text);
};

describe('bad input', { concurrency: 2 }, () => {
  const required = ['--id', 'a', '--cluster', 'test', '--election', 'payments'];
  test('bad options are all told with their fields, exit code 2', async () => {
    await using elector = new ElectorProcess([...required, '--ttl', '0', '--electoin', 'x']);
    assert.equal(await elector.ended(), 2);
    assert.match(elector.errors, /--ttl: must be at least 1s, got 0/);
    assert.match(elector.errors, /--electoin: .* did you mean --election\?/);
    assert.deepEqual(elector.lines, [], 'nothing was started');
  });

  test('etcd that does not answer is told with its address, exit code 3', async () => {
    await using elector = new ElectorProcess([
      ...required,
      ...['--listen', '127.0.0.1:0', '--etcd', 'http://127.0.0.1:1', '--etcd-wait', '300ms'],
    ]);
    assert.equal(await elector.ended(), 3);
    assert.match(elector.errors, /--etcd: no etcd answered within 300 ms at http:\/\/127.0.0.1:1/);
  });

  test('a port in use is told with the flag, exit code 3', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    await using elector = new ElectorProcess([...required, '--listen', `127.0.0.1:${port}`]);
    assert.equal(await elector.ended(), 3);
    assert.match(elector.errors, new RegExp(`--listen 127.0.0.1:${port}: .* in use`));
    await once(holder.close(), 'close');
  });

  test('keys that go together are asked for together, and wrong ones are told, exit code 2', async () => {
    const secure = { HERALD_INSECURE: '' };
    const signing = ['--signing-key', '/nowhere/signing.key'];
    await using half = new ElectorProcess([...required, ...signing], secure);
    assert.equal(await half.ended(), 2);
    assert.match(
      half.errors,
      /--tls-cert, --tls-key, --tls-ca, --trusted-keys: are required; .*README\.md.*--insecure/,
    );
    await using both = new ElectorProcess([...required, '--insecure', ...signing], secure);
    assert.equal(await both.ended(), 2);
    assert.match(both.errors, /--insecure: cannot be combined with --signing-key/);
    const files = ['cert', 'key', 'ca'].flatMap((part) => [`--tls-${part}`, '/nowhere/tls.pem']);
    await using missing = new ElectorProcess(
      [...required, ...signing, '--trusted-keys', '/nowhere/trusted', ...files],
      secure,
    );
    assert.equal(await missing.ended(), 2);
    assert.match(
      missing.errors,
      /--(signing-key|trusted-keys) \/nowhere\/.*: cannot be read: ENOENT/,
    );
  });

  test('--help shows every option, exit code 0', async () => {
    await using elector = new ElectorProcess(['--help']);
    assert.equal(await elector.ended(), 0);
    const help = elector.lines.map(({ msg }) => msg).join('\n');
    for (const flag of ['--election', '--ttl', '--etcd', '--join', '--prefix', '--ops-listen']) {
      assert.ok(help.includes(flag), `help names ${flag}`);
    }
  });
});

describe('the process', { concurrency: 3 }, () => {
  let etcd: EtcdServer;
  before(async () => {
    etcd = await EtcdServer.start();
  });
  after(async () => {
    await etcd[Symbol.asyncDispose]();
  });

  const args = (id: string, election: string, ...more: string[]): string[] => [
    ...['--id', id, '--cluster', 'test', '--election', election, '--listen', '127.0.0.1:0'],
    ...['--etcd', etcd.endpoint, '--ttl', '3s', ...more],
  ];

  test('a killed leader is succeeded when its lease ends; one that is told to stop at once', async () => {
    await using a = new ElectorProcess(args('a', 'kill'));
    await a.logged('leadership started');
    const ready = await a.logged('elector ready');
    assert.equal(ready['electorId'], 'a');
    await using b = new ElectorProcess(args('b', 'kill', '--join', String(ready['address'])));
    await b.logged('elector ready');
    await using c = new ElectorProcess(args('c', 'kill', '--join', String(ready['address'])));
    await c.logged('elector ready');
    await eventually('all are in line', async () => {
      return (await etcd.keys('herald/elections/kill/')).length === 3;
    });

    const killedAtMs = monotonicNowMs();
    a.signal('SIGKILL');
    const first = await Promise.race([b, c].map((each) => each.logged('leadership started')));
    const tookMs = Number(first.monotonicMs) - killedAtMs;
    note(`take-over after SIGKILL at TTL 3 s: ${tookMs.toFixed(0)} ms`);
    assert.ok(tookMs > 1_500, 'not before the lease can have ended');
    assert.ok(tookMs < 6_000, `soon after the lease ended, got ${tookMs}`);

    const [leader, other] = b.lines.includes(first) ? [b, c] : [c, b];
    leader.signal('SIGTERM');
    const ended = await leader.logged('leadership ended');
    assert.equal(ended['reason'], 'the elector is closing');
    assert.equal(await leader.ended(), 0);
    const second = await other.logged('leadership started');
    const handOverMs = Number(second.monotonicMs) - Number(ended.monotonicMs);
    note(`take-over after SIGTERM: ${handOverMs.toFixed(1)} ms`);
    assert.ok(handOverMs > 0 && handOverMs < 1_000);
    assert.ok(BigInt(String(second['epoch'])) > BigInt(String(first['epoch'])));
    const published = await eventually('it is published, by whoever was first', () =>
      // The one that goes sees its successor in etcd before it is gone, and may be the quicker one.
      [...leader.lines, ...other.lines].find(({ msg, epoch }) => {
        return msg === 'leader record published' && epoch === second['epoch'];
      }),
    );
    assert.match(String(published['version']), /^0\.\d+\.\d+\.0$/);
  });

  test('an elector of several elections holds two connections to etcd, leading or not', async () => {
    const elections = ['many-1', 'many-2', 'many-3'].flatMap((name) => ['--election', name]);
    await using a = new ElectorProcess(args('a', 'many-0', ...elections));
    await using b = new ElectorProcess(args('b', 'many-0', ...elections));
    for (const each of [a, b]) await each.logged('elector ready');
    await eventually('all elections have a leader', () => {
      const started = [...a.lines, ...b.lines].filter(({ msg }) => msg === 'leadership started');
      return new Set(started.map(({ election }) => election)).size === 4;
    });
    for (const { pid } of [a, b]) {
      // The system's table is not read in one piece, so that a connection can be missing from it.
      const samples: number[] = [];
      await eventually('two are seen', async () => {
        samples.push(await etcd.connectionsFrom(pid));
        return samples.length >= 20 && samples.includes(2);
      });
      note(`connections to etcd of an elector in four elections: ${Math.max(...samples)}`);
      assert.equal(Math.max(...samples), 2);
    }
  });

  test('a leader that was stopped past its lease finds itself deposed at once', async () => {
    await using a = new ElectorProcess(args('a', 'stop'));
    await a.logged('leadership started');
    await using b = new ElectorProcess(args('b', 'stop'));
    await b.logged('elector ready');
    a.signal('SIGSTOP');
    const started = await b.logged('leadership started');
    a.signal('SIGCONT');
    const ended = await a.logged('leadership ended');
    assert.match(String(ended['reason']), /own deadline passed|no longer knows the lease|is gone/);
    await eventually('a stands in line again', () =>
      etcd.keys('herald/elections/stop/').then((keys) => keys.length === 2),
    );
    assert.equal(
      b.lines.some(({ msg }) => msg === 'leadership ended'),
      false,
    );
    assert.ok(BigInt(String(started['epoch'])) > BigInt(String(ended['epoch'])));
  });

  test('it ends in good order within a bound when etcd is away, and on its own terms', async () => {
    await using server = await EtcdServer.start();
    await using a = new ElectorProcess(
      [...args('a', 'away'), '--etcd', server.endpoint].filter(
        (arg, index, all) =>
          arg !== etcd.endpoint && !(arg === '--etcd' && all[index + 1] === etcd.endpoint),
      ),
    );
    await a.logged('leadership started');
    await server.stop('SIGKILL');
    await eventually('a notices', () =>
      a.lines.some(({ msg }) => msg?.startsWith('trouble while') === true),
    );
    const startMs = monotonicNowMs();
    a.signal('SIGTERM');
    assert.equal(await a.ended(), 0);
    assert.ok(monotonicNowMs() - startMs < 5_000);
  });

  test('variables say what flags would', async () => {
    await using a = new ElectorProcess([], {
      HERALD_ID: 'a',
      HERALD_CLUSTER: 'test',
      HERALD_ELECTIONS: 'env-1=10.0.0.1:1,env-2',
      HERALD_ADDRESS: '10.0.0.2:2',
      HERALD_METADATA: 'zone=x,rack=7',
      HERALD_ETCD_ENDPOINTS: etcd.endpoint,
      HERALD_LISTEN: '127.0.0.1:0',
      HERALD_PREFIX: 'elsewhere',
    });
    await a.logged('elector ready');
    const values = await eventually('both keys are there', async () => {
      const keys = await etcd.keys('elsewhere/env-');
      return keys.length === 2 && keys.map(({ value }) => JSON.parse(value) as { address: string });
    });
    assert.deepEqual(values.map(({ address }) => address).toSorted(), ['10.0.0.1:1', '10.0.0.2:2']);
    assert.deepEqual(
      values.map((value) => 'metadata' in value && value.metadata),
      [
        { zone: 'x', rack: '7' },
        { zone: 'x', rack: '7' },
      ],
    );
  });

  test('operations HTTP shows readiness and metrics', async () => {
    await using a = new ElectorProcess(args('a', 'ops', '--ops-listen', '127.0.0.1:0'));
    const { url } = await a.logged('operations server ready');
    await a.logged('leadership started');
    const ready = await fetch(`${String(url)}/readyz`);
    assert.equal(ready.status, 200);
    const leads = await fetch(`${String(url)}/leader`);
    assert.equal(leads.status, 200);
    assert.equal(((await leads.json()) as { electorId: string }).electorId, 'a');
    const metrics = await eventually('a renewal is counted', async () => {
      const text = await (await fetch(`${String(url)}/metrics`)).text();
      return /renewals_total\{election="ops",outcome="ok"\} [1-9]/.test(text) && text;
    });
    assert.match(metrics, /herald_elector_history_lost 0/);
    assert.match(metrics, /herald_elector_leading\{election="ops"\} 1/);
    assert.match(metrics, /herald_elector_epoch\{election="ops"\} [1-9]/);
    assert.match(metrics, /herald_elector_deadline_seconds\{election="ops"\} [12]\.\d+/);
    assert.match(
      metrics,
      /herald_elector_etcd_calls_total\{connection="lease",outcome="ok"\} [1-9]/,
    );
  });
});
