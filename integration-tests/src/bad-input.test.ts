/**
 * What a user gets wrong, at the real programs: a clear error on standard error that names the field
 * and the fix, the right exit code, nothing started, nothing left.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { startEtcd } from '@herald/lab';
import type { EtcdCluster } from '@herald/lab';
import { RunningProgram, runProgram } from './support/run-program.ts';
import type { Program } from './support/run-program.ts';
import { patienceMs } from './support/test-cluster.ts';

const badConfiguration = 2;
const unavailable = 3;
/** Nothing listens on it: the port is reserved, and below those that are given out. */
const nobody = '127.0.0.1:1';

interface Mistake {
  readonly mistake: string;
  readonly program: Program;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** All of this is in what it says: the field, what is wrong, the fix. */
  readonly says: readonly RegExp[];
}

const elector = [
  '--id',
  'a',
  '--cluster',
  'c',
  '--election',
  'payments',
  '--listen',
  '127.0.0.1:0',
];
const node = ['--id', 'a', '--cluster', 'c', '--listen', '127.0.0.1:0'];
const leader = ['leader', '--join', nobody, '--election', 'payments'];

const mistakes: readonly Mistake[] = [
  {
    mistake: 'an unknown flag',
    program: 'herald-elector',
    args: [...elector, '--eletion', 'reports'],
    says: [/--eletion/, /not a known flag/, /did you mean --election\?/],
  },
  {
    mistake: 'a TTL of 0',
    program: 'herald-elector',
    args: [...elector, '--ttl', '0s'],
    says: [/--ttl/, /at least 1s/, /got 0s/],
  },
  {
    mistake: 'a TTL of 0 in the environment',
    program: 'herald-elector',
    args: elector,
    env: { HERALD_TTL: '0' },
    says: [/HERALD_TTL/],
  },
  {
    mistake: 'a TTL that leases cannot have',
    program: 'herald-elector',
    args: [...elector, '--ttl', '1500ms'],
    says: [/--ttl/, /whole seconds/, /1500ms/],
  },
  {
    mistake: 'a bad address of the service',
    program: 'herald-elector',
    args: [...elector, '--address', 'nope'],
    says: [/--address/, /host:port/, /nope/],
  },
  {
    mistake: 'a bad address of etcd',
    program: 'herald-elector',
    args: [...elector, '--etcd', 'ftp://etcd'],
    says: [/--etcd/, /http:\/\//, /ftp:\/\/etcd/],
  },
  {
    mistake: 'a cluster that cannot be called so',
    program: 'herald-elector',
    args: [...elector, '--cluster', 'no spaces'],
    says: [/--cluster/, /letters, digits/, /no spaces/],
  },
  {
    mistake: 'no election',
    program: 'herald-elector',
    args: ['--id', 'a', '--cluster', 'c'],
    says: [/--election/, /required/, /HERALD_ELECTIONS/],
  },
  {
    mistake: 'several mistakes, all of which are told',
    program: 'herald-elector',
    args: [
      '--id',
      '',
      '--cluster',
      'c',
      '--election',
      'payments',
      '--ttl',
      'soon',
      '--address',
      'nope',
    ],
    says: [/--id/, /--ttl/, /--address/],
  },
  {
    mistake: 'an unknown flag',
    program: 'herald-gossip-node',
    args: [...node, '--seeds', '127.0.0.1:7410'],
    says: [/--seeds/, /not a known flag/],
  },
  {
    mistake: 'a bad address to listen on',
    program: 'herald-gossip-node',
    args: ['--id', 'a', '--cluster', 'c', '--listen', '127.0.0.1:70000'],
    says: [/--listen/, /host:port|port/, /127\.0\.0\.1:70000/],
  },
  {
    mistake: 'a bad address to join, in the environment',
    program: 'herald-gossip-node',
    args: node,
    env: { HERALD_JOIN: '127.0.0.1:7410,nope' },
    says: [/HERALD_JOIN/, /host:port/, /nope/],
  },
  {
    mistake: 'no cluster',
    program: 'herald-gossip-node',
    args: ['--id', 'a'],
    says: [/--cluster/, /required/, /HERALD_CLUSTER/],
  },
  {
    mistake: 'an unknown flag',
    program: 'herald-lab',
    args: ['--nods', '3'],
    says: [/--nods/, /did you mean --nodes\?/],
  },
  {
    mistake: 'a TTL of 0',
    program: 'herald-lab',
    args: ['--ttl', '0s'],
    says: [/--ttl/, /at least 1s/],
  },
  {
    mistake: 'a bad address of etcd',
    program: 'herald-lab',
    args: ['--once'],
    env: { HERALD_ETCD_ENDPOINTS: 'not/an/endpoint' },
    says: [/HERALD_ETCD_ENDPOINTS/, /host:port/, /not\/an\/endpoint/],
  },
  {
    mistake: 'a report that cannot be written',
    program: 'herald-lab',
    args: ['--once', '--json', '/does/not/exist/report.json'],
    says: [/--json/, /\/does\/not\/exist/],
  },
  {
    mistake: 'an unknown flag',
    program: 'herald',
    args: [...leader, '--verfy'],
    says: [/--verfy/, /[Dd]id you mean --verify\?/],
  },
  {
    mistake: 'an unknown command',
    program: 'herald',
    args: ['leder'],
    says: [/leder/, /Did you mean leader\?/],
  },
  {
    mistake: 'a bad address',
    program: 'herald',
    args: ['leader', '--join', 'nope', '--election', 'payments'],
    says: [/--join/, /host:port/, /nope/],
  },
  {
    mistake: 'a bad address in the environment',
    program: 'herald',
    args: ['leader', '--election', 'payments'],
    env: { HERALD_JOIN: 'nope' },
    says: [/HERALD_JOIN/, /host:port/],
  },
  {
    mistake: 'no time at all',
    program: 'herald',
    args: [...leader, '--timeout', '0s'],
    says: [/--timeout/, /at least 1ms/],
  },
];

describe('bad configuration is told, and nothing is started', { concurrency: 2 }, () => {
  for (const { mistake, program, args, env = {}, says } of mistakes) {
    it(`${program}: ${mistake}`, async () => {
      const { exitCode, stdout, stderr } = await runProgram({ program, args, env });
      assert.equal(exitCode, badConfiguration, stderr);
      for (const text of says) assert.match(stderr, text);
      assert.doesNotMatch(stdout, /"msg":"(starting|elector ready|node ready)"|elected/);
      assert.doesNotMatch(stderr, /\n\s+at /, 'no stack for a user');
    });
  }
});

describe('what cannot be had is told, and nothing is left', () => {
  let etcd: EtcdCluster;
  let holder: Server;
  let taken: string;

  before(async () => {
    etcd = await startEtcd();
    holder = createServer();
    holder.listen(0, '127.0.0.1');
    await once(holder, 'listening');
    taken = `127.0.0.1:${(holder.address() as AddressInfo).port}`;
  });

  after(async () => {
    holder.close();
    await etcd.stop();
  });

  async function assertUnavailable(
    { program, args, env = {} }: Pick<Mistake, 'program' | 'args' | 'env'>,
    says: readonly RegExp[],
  ): Promise<void> {
    const { exitCode, stderr } = await runProgram({ program, args, env });
    assert.equal(exitCode, unavailable, stderr);
    for (const text of says) assert.match(stderr, text);
    assert.doesNotMatch(stderr, /\n\s+at /, 'no stack for a user');
  }

  it('herald-elector: an etcd that does not answer', async () => {
    const args = [...elector, '--etcd', `http://${nobody}`, '--etcd-wait', '500ms'];
    const says = [/--etcd/, /127\.0\.0\.1:1/, /500 ms/, /ECONNREFUSED/];
    await assertUnavailable({ program: 'herald-elector', args }, says);
  });

  it('herald-lab: an etcd that does not answer', async () => {
    const env = { HERALD_ETCD_ENDPOINTS: `http://${nobody}` };
    const says = [/HERALD_ETCD_ENDPOINTS/, /127\.0\.0\.1:1/, /correct the variable, or unset it/];
    await assertUnavailable({ program: 'herald-lab', args: ['--once'], env }, says);
  });

  it('herald: nodes that do not answer', async () => {
    const says = [/UNREACHABLE/, /127\.0\.0\.1:1/, /check the seeds/];
    await assertUnavailable({ program: 'herald', args: [...leader, '--timeout', '2s'] }, says);
  });

  it('herald-elector: a port in use', async () => {
    const etcdFlags = etcd.endpoints.flatMap((url) => ['--etcd', url]);
    const args = [...elector, '--listen', taken, ...etcdFlags];
    const says = [/--listen/, new RegExp(taken), /in use/, /choose another/];
    await assertUnavailable({ program: 'herald-elector', args }, says);
  });

  it('herald-gossip-node: a port in use', async () => {
    const says = [/--listen/, new RegExp(taken), /in use/, /choose another/];
    await assertUnavailable(
      { program: 'herald-gossip-node', args: [...node, '--listen', taken] },
      says,
    );
  });

  it('herald-gossip-node: a port in use for operations', async () => {
    const says = [/--ops-listen/, new RegExp(taken), /in use/];
    const args = [...node, '--ops-listen', taken];
    await assertUnavailable({ program: 'herald-gossip-node', args }, says);
  });

  it('herald-lab: a port in use', async () => {
    const base = taken.split(':')[1] ?? '';
    const says = [/--port-base/, new RegExp(`port ${base}`), /in use/, /choose another/];
    await assertUnavailable({ program: 'herald-lab', args: ['--once', '--port-base', base] }, says);
  });
});

describe('the wrong cluster', () => {
  let etcd: EtcdCluster;

  before(async () => {
    etcd = await startEtcd();
  });

  after(async () => {
    await etcd.stop();
  });

  it('of a node is refused by the tier, and its log says why', async () => {
    await assertRefused('herald-gossip-node', [], 'node ready');
  });

  it('of an elector is refused by the tier, and its log says why', async () => {
    const prefix = `herald-test/bad-input-${process.pid}`;
    const etcdFlags = etcd.endpoints.flatMap((url) => ['--etcd', url]);
    const flags = ['--election', 'payments', '--prefix', prefix, ...etcdFlags];
    await assertRefused('herald-elector', flags, 'elector ready');
  });

  async function assertRefused(
    program: Program,
    flags: readonly string[],
    ready: string,
  ): Promise<void> {
    await using host = await start('herald-gossip-node', memberFlags('host', 'production'));
    const { address } = await host.untilLogged('node ready', patienceMs);
    const join = ['--join', String(address)];
    await using stray = await start(program, [
      ...memberFlags('stray', 'staging'),
      ...join,
      ...flags,
    ]);
    await stray.untilLogged(ready, patienceMs);
    const refusal = await stray.untilLogged('refused by a member', patienceMs);
    assert.equal(refusal['level'], 'warn');
    assert.equal(refusal['address'], address);
    assert.equal(refusal['reason'], 'cluster-mismatch');
    assert.match(String(refusal['detail']), /production/);
    const { stdout } = await runProgram({
      program: 'herald',
      args: ['members', ...join, '--json'],
    });
    assert.match(stdout, /"host"/);
    assert.doesNotMatch(stdout, /"stray"/);
    assert.equal((await stray.process.stop()).code, 0);
  }

  function start(program: Program, args: readonly string[]): Promise<RunningProgram> {
    return RunningProgram.start({ program, args });
  }

  function memberFlags(id: string, cluster: string): readonly string[] {
    return ['--id', id, '--cluster', cluster, '--listen', '127.0.0.1:0'];
  }
});

describe('help', { concurrency: 2 }, () => {
  const programs: readonly Program[] = [
    'herald-elector',
    'herald-gossip-node',
    'herald-lab',
    'herald',
  ];
  for (const program of programs) {
    it(`${program} --help is on standard output, and exits with 0`, async () => {
      const { exitCode, stdout, stderr } = await runProgram({ program, args: ['--help'] });
      assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
      assert.match(stdout, new RegExp(`Usage: ${program} `));
      assert.match(stdout, /Exit codes/i);
    });
  }
});
