/** Command lines against a cluster in memory: what is printed, and how it ends. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MemoryNetwork, systemClock } from '@herald/client';
import type { OperatorTransport, Transport } from '@herald/client';
import { parseAddress, parseClusterName, parseElectionName, parseNodeId } from '@herald/core';
import type { LeaderRecord } from '@herald/core';
import type {
  MemberInfo,
  RaiseLineageRequest,
  RaiseLineageResponse,
  StatusResponse,
} from '@herald/wire';
import { createRecordSigner, encodeRecord, generateKeyPair } from '@herald/wire';
import { exitCodes } from './exit-codes.ts';
import { formatConvergence, formatMembers } from './format.ts';
import { runCli } from './program.ts';

const election = parseElectionName('payments');

function leader(epoch: number, validityMs = 60_000): LeaderRecord {
  return {
    kind: 'leader',
    election,
    version: { lineage: 0, epoch: BigInt(epoch), sequence: BigInt(epoch), renewal: 2 },
    issuer: parseNodeId('elector-a'),
    validityMs,
    leader: {
      id: parseNodeId('elector-a'),
      address: '10.0.0.1:9000',
      electorAddress: parseAddress('elector-a:7400'),
      metadata: { zone: 'north' },
    },
  };
}

/** An elector that refuses: it would go one above whatever is known. */
function raiseAnswer({ dryRun, knownLineage, atLeast }: RaiseLineageRequest): RaiseLineageResponse {
  return {
    electorId: parseNodeId('elector-a'),
    outcome: dryRun ? 'would-raise' : 'raised',
    trouble: "etcd's history was lost: its mark is gone, so that it was wiped.",
    ...{ clusterId: '1234', revision: 57n, lineageBefore: undefined, tierLineage: knownLineage },
    ...{ raisedTo: Math.max(atLeast, knownLineage + 1), waitMs: 0, waitFor: '' },
  };
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Cluster {
  readonly network: MemoryNetwork;
  readonly operator: Omit<OperatorTransport, keyof AsyncDisposable> &
    Partial<Pick<Transport, 'members'>>;
}

function cluster(): Cluster {
  const network = new MemoryNetwork(systemClock);
  const status: StatusResponse = {
    electorId: parseNodeId('elector-a'),
    elections: [
      {
        election,
        state: 'leading',
        epoch: 17n,
        leadingForMs: 2_100,
        best: network.at('elector-a:7400').answer(election, undefined),
        trouble: '',
      },
    ],
  };
  const operator = {
    status: () => Promise.resolve(status),
    stepDown: (_elector: unknown, { reason }: { readonly reason: string }) =>
      Promise.resolve({ steppedDown: reason !== 'refuse', epoch: reason === 'refuse' ? 0n : 17n }),
    raiseLineage: (_elector: unknown, request: RaiseLineageRequest) =>
      Promise.resolve(raiseAnswer(request)),
  };
  return { network, operator };
}

async function run(
  { network, operator }: Cluster,
  argv: readonly string[],
  onOutput: (text: string, end: () => void) => void = () => undefined,
): Promise<Ran> {
  const ending = new AbortController();
  const printed = { stdout: '', stderr: '' };
  const transport = (): Transport & OperatorTransport => ({ ...network.transport(), ...operator });
  const code = await runCli('1.2.3', argv, {
    stdout: (text) => {
      printed.stdout += text;
      onOutput(printed.stdout, () => {
        ending.abort();
      });
    },
    stderr: (text) => {
      printed.stderr += text;
    },
    signal: ending.signal,
    transport,
    timeOfDay: () => '12:00:00',
  });
  return { code, ...printed };
}

const ask = ['-j', 'a:1', '-e', 'payments'];

test('leader: who leads, for people', async () => {
  const c = cluster();
  c.network.at('a:1').hold(leader(17), 0, 3);
  const { code, stdout, stderr } = await run(c, ['leader', ...ask]);
  assert.equal(code, exitCodes.ok);
  assert.equal(stderr, '');
  assert.match(stdout, /^payments is led by elector-a\n/);
  assert.match(stdout, /^ {2}address {3}10\.0\.0\.1:9000$/m);
  assert.match(stdout, /^ {2}elector {3}elector-a:7400$/m);
  assert.match(stdout, /^ {2}epoch {5}17 \(version 0\.17\.17\.2\)$/m);
  assert.match(stdout, /^ {2}age {7}\S+ ms, valid for another \S+ s$/m);
  assert.match(stdout, /^ {2}verified {2}no$/m);
  assert.match(stdout, /^ {2}told by {3}node-a-1 at a:1, 3 hops from the elector/m);
  assert.match(stdout, /^ {2}metadata {2}zone=north$/m);
});

test('leader --verify --json: one line for machines', async () => {
  const c = cluster();
  c.network.at('a:1').hold(leader(17));
  const elector = c.network.at('elector-a:7400');
  elector.hold(leader(17));
  elector.leadsUntilMs = systemClock.nowMs() + 60_000;
  const { code, stdout } = await run(c, ['leader', ...ask, '--verify', '--json']);
  assert.equal(code, exitCodes.ok);
  assert.equal(stdout.split('\n').length, 2);
  const said = JSON.parse(stdout) as Record<string, unknown>;
  assert.equal(said['election'], 'payments');
  assert.equal(said['leaderId'], 'elector-a');
  assert.equal(said['epoch'], '17');
  assert.equal(said['version'], '0.17.17.2');
  assert.equal(said['verified'], true);
});

test('leader: no leader ends with 4, nobody reached with 3, and both say what to do', async () => {
  const c = cluster();
  const nobody = await run(c, ['leader', ...ask, '-t', '100ms']);
  assert.equal(nobody.code, exitCodes.noLeader);
  assert.match(nobody.stderr, /^herald: NO_LEADER: no node that answered within 100 ms has heard/);
  c.network.at('a:1').behaviour = 'refuses';
  const unreachable = await run(c, ['leader', ...ask, '-t', '100ms']);
  assert.equal(unreachable.code, exitCodes.unreachable);
  assert.match(unreachable.stderr, /^herald: UNREACHABLE: .*check the seeds \(\d+ attempts, /);
});

test('leader --allow-expired shows what was known', async () => {
  const c = cluster();
  c.network.at('a:1').hold(leader(17), 120_000);
  const { code, stdout } = await run(c, ['leader', ...ask, '--allow-expired']);
  assert.equal(code, exitCodes.ok);
  assert.match(stdout, /^payments was last led by elector-a\n/);
  assert.match(stdout, /age {7}2 min, expired: nobody has renewed it/);
});

test('watch: a line per change, until the user ends it', async () => {
  const c = cluster();
  c.network.at('a:1').hold(leader(17));
  const { code, stdout } = await run(c, ['watch', ...ask], (text, end) => {
    const lines = text.split('\n').length - 1;
    if (lines === 1) c.network.at('a:1').hold(leader(19));
    if (lines === 2) end();
  });
  assert.equal(code, exitCodes.ok);
  const [first, second] = stdout.split('\n');
  assert.match(first ?? '', /^12:00:00 {2}leader {3}epoch 17 {2}elector-a at 10\.0\.0\.1:9000/);
  assert.match(second ?? '', /^12:00:00 {2}leader {3}epoch 19/);
});

test('members: a table, or JSON', async () => {
  const c = cluster();
  c.network.at('a:1').members = [parseAddress('b:1')];
  const text = await run(c, ['members', '-j', 'a:1']);
  assert.equal(text.code, exitCodes.ok);
  assert.deepEqual(text.stdout.split('\n'), [
    'MEMBER    ADDRESS  ROLE  STATE     LINK',
    'node-a-1  a:1      node  heard of  asked',
    'node-b-1  b:1      node  heard of',
    '2 members: 2 heard of in cluster memory',
    '',
  ]);
  const json = JSON.parse((await run(c, ['members', '-j', 'a:1', '--json'])).stdout) as {
    readonly members: readonly { readonly nodeId: string }[];
  };
  assert.deepEqual(
    json.members.map(({ nodeId }) => nodeId),
    ['node-a-1', 'node-b-1'],
  );
});

test('members: who takes part, who does not, and who doubts whom', () => {
  const contact = (name: string): MemberInfo['contact'] => ({
    nodeId: parseNodeId(name),
    generation: 1,
    address: parseAddress(`${name}:1`),
    role: 'node',
  });
  const facts: NonNullable<MemberInfo['facts']> = {
    ...{ status: 'up', reachability: 'reachable', suspectedBy: 0, sinceMs: 90_000 },
    ...{ zone: 'eu-1', build: '1.2.3', metadata: {}, applied: [] },
  };
  const member = (name: string, changed: Partial<typeof facts>): MemberInfo => ({
    ...{ contact: contact(name), linked: false, self: name === 'a', roundTripMs: 0 },
    facts: { ...facts, ...changed },
  });
  const text = formatMembers({
    cluster: parseClusterName('prod'),
    members: [
      member('a', {}),
      member('b', { suspectedBy: 1 }),
      member('c', { reachability: 'unreachable', suspectedBy: 3, sinceMs: 4_200 }),
      member('d', { status: 'left', reachability: 'unreachable', zone: '' }),
      { contact: contact('e'), linked: true, self: false, roundTripMs: 1.5 },
    ],
  });
  assert.deepEqual(text.split('\n'), [
    'MEMBER  ADDRESS  ROLE  STATE               FOR    LINK    ROUND TRIP  ZONE  BUILD',
    'a       a:1      node  up                  2 min  asked               eu-1  1.2.3',
    'b       b:1      node  up, doubted by 1    2 min                      eu-1  1.2.3',
    'c       c:1      node  unreachable, say 3  4.2 s                      eu-1  1.2.3',
    'd       d:1      node  left                2 min                            1.2.3',
    'e       e:1      node  heard of                   linked  2 ms',
    '5 members: 2 live, 1 unreachable, 1 left, 1 heard of in cluster prod',
    '',
  ]);
});

test('convergence: how many have it, who is behind; 4 when nobody knows the election', async () => {
  const c = cluster();
  const argv = ['convergence', '-j', 'a:1', '-e', 'payments'];
  const unknown = await run(c, argv);
  assert.equal(unknown.code, exitCodes.noLeader);
  assert.match(unknown.stdout, /no live member knows of it/);
  c.network.at('a:1').members = [parseAddress('b:1')];
  c.network.at('a:1').hold(leader(17));
  const known = await run(c, argv);
  assert.equal(known.code, exitCodes.ok);
  assert.equal(known.stdout, 'payments: 2 of 2 live members at epoch 17, says node-a-1\n');
  const json = JSON.parse((await run(c, [...argv, '--json'])).stdout) as Record<string, unknown>;
  assert.equal(json['newest'], '0.17.17.0');
  const version = { lineage: 0, epoch: 9n, sequence: 9n, renewal: 0 };
  const behind = [
    { nodeId: parseNodeId('b'), applied: undefined },
    { nodeId: parseNodeId('c'), applied: version },
  ];
  const newest = { ...version, epoch: 17n };
  const nodeId = parseNodeId('a');
  assert.deepEqual(
    formatConvergence({ election, newest, applied: 1, live: 3, behind, nodeId }).split('\n'),
    [
      'payments: 1 of 3 live members at epoch 17, says a',
      'BEHIND  APPLIED',
      'b       told of none',
      'c       0.9.9.0',
      '',
    ],
  );
});

test('status: an elector and its elections', async () => {
  const { code, stdout } = await run(cluster(), ['status', '--elector', 'elector-a:7400']);
  assert.equal(code, exitCodes.ok);
  assert.deepEqual(stdout.split('\n'), [
    'elector elector-a',
    'ELECTION  STATE    EPOCH  FOR ANOTHER  LEADER',
    'payments  leading  17     2.1 s        unknown',
    '',
  ]);
});

test('step-down: done is 0, not leading is 4', async () => {
  const argv = ['step-down', '--elector', 'elector-a:7400', '-e', 'payments'];
  const done = await run(cluster(), argv);
  assert.equal(done.code, exitCodes.ok);
  assert.match(done.stdout, /stepped down from payments: epoch 17 ended/);
  const refused = await run(cluster(), [...argv, '--reason', 'refuse', '--json']);
  assert.equal(refused.code, exitCodes.noLeader);
  assert.deepEqual(JSON.parse(refused.stdout), {
    election: 'payments',
    steppedDown: false,
    epoch: '0',
  });
});

test('lineage raise: what is wrong and what would be done; with --yes it is done', async () => {
  const c = cluster();
  c.network.at('elector-a:7400').members = [parseAddress('b:1')];
  const argv = ['lineage', 'raise', '--elector', 'elector-a:7400'];
  const look = await run(c, argv);
  assert.equal(look.code, exitCodes.ok);
  assert.match(look.stdout, /^elector elector-a, etcd cluster 1234 at revision 57$/m);
  assert.match(look.stdout, /^ {2}found {4}etcd's history was lost: its mark is gone/m);
  assert.match(look.stdout, /^ {2}lineage {2}none in etcd, 0 in the tier$/m);
  assert.match(look.stdout, /nothing was changed. With --yes, lineage 1 is written to this etcd/);

  const alone = await run(c, [...argv, '--yes']);
  assert.equal(alone.code, exitCodes.failed);
  assert.match(alone.stderr, /knows of no other live member.*--join, or say --alone/);
  assert.equal(alone.stdout, '');

  for (const more of [['--alone'], ['--join', 'b:1']]) {
    const done = await run(c, [...argv, '--yes', ...more]);
    assert.equal(done.code, exitCodes.ok);
    assert.match(done.stdout, /raised to lineage 1: every elector goes on by itself/);
  }
  const json = await run(c, [...argv, '--json', '--at-least', '7']);
  const said = JSON.parse(json.stdout) as Record<string, unknown>;
  assert.deepEqual(
    [said['outcome'], said['raisedTo'], said['lineageBefore']],
    ['would-raise', 7, null],
  );
});

test('lineage raise: the new one is above what members say that they have applied', async () => {
  const c = cluster();
  const applied = [election, parseElectionName('of-others')].map((each, index) => ({
    election: each,
    version: { lineage: 5 + index, epoch: 9n, sequence: 9n, renewal: 0 },
  }));
  const member: MemberInfo = {
    contact: {
      ...{ nodeId: parseNodeId('b'), generation: 1, address: parseAddress('b:1'), role: 'node' },
    },
    ...{ linked: true, self: false, roundTripMs: 1 },
    facts: {
      ...{ status: 'up', reachability: 'reachable', suspectedBy: 0, sinceMs: 9 },
      ...{ zone: '', build: '', metadata: {}, applied },
    },
  };
  const members = () => Promise.resolve({ cluster: parseClusterName('prod'), members: [member] });
  const seeing = { ...c, operator: { ...c.operator, members } };
  const argv = ['lineage', 'raise', '--elector', 'elector-a:7400', '--yes'];
  const { code, stdout } = await run(seeing, argv);
  assert.equal(code, exitCodes.ok);
  assert.match(stdout, /none in etcd, 5 in the tier/);
  assert.match(stdout, /raised to lineage 6/);
});

test('lineage raise waits for the last leader, and gives up on one that is renewed', async () => {
  const c = cluster();
  let asked = 0;
  const until = (count: number): Cluster => ({
    ...c,
    operator: {
      ...c.operator,
      raiseLineage: (_elector, request) => {
        const isOver = ++asked > count;
        const waitFor = isOver ? '' : 'z may lead payments';
        const outcome = isOver ? 'raised' : 'leader-lives';
        return Promise.resolve({
          ...raiseAnswer(request),
          outcome,
          waitMs: isOver ? 0 : 1,
          waitFor,
        });
      },
    },
  });
  const argv = ['lineage', 'raise', '--elector', 'elector-a:7400', '--alone', '--yes'];
  const patient = await run(until(2), argv);
  assert.equal(patient.code, exitCodes.ok);
  assert.equal(asked, 3);
  assert.match(patient.stderr, /z may lead payments; waiting for 1 ms/);
  const late = await run(until(Infinity), [...argv, '-t', '200ms']);
  assert.equal(late.code, exitCodes.failed);
  assert.match(late.stderr, /after 200 ms z may lead payments: somebody renews that record/);
});

test('bad command lines end with 2, and name what is wrong', async () => {
  const c = cluster();
  for (const [argv, expected] of [
    [['leader', '-e', 'payments'], /--join <host:port>' not specified/],
    [['leader', '-j', 'nonsense', '-e', 'payments'], /--join.*must be host:port/],
    [['leader', ...ask, '-t', '5'], /--timeout.*must be a duration such as 500ms/],
    [['leader', ...ask, '--verfy'], /unknown option '--verfy'\n\(Did you mean --verify\?\)/],
    [['leader', ...ask, '--min-epoch', '-1'], /--min-epoch.*must be a whole number/],
    [['leadr', ...ask], /unknown command 'leadr'/],
    [['lineage', 'raise'], /--elector <host:port>' not specified/],
    [['lineage', 'raise', '--elector', 'a:1', '--at-least', '-1'], /--at-least.*whole number/],
    [['leader', '-j', 'a:1', '-e', 'two words'], /--election.*must start with a letter or digit/],
  ] as const) {
    const { code, stderr, stdout } = await run(c, argv);
    assert.equal(code, exitCodes.usage, argv.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, expected);
  }
  assert.equal(c.network.questions.length, 0);
});

test('help and version go to standard output and end with 0', async () => {
  const c = cluster();
  const help = await run(c, ['--help']);
  assert.equal(help.code, 0);
  for (const command of [
    'leader',
    'watch',
    'members',
    'convergence',
    'status',
    'step-down',
    'lineage',
  ]) {
    assert.match(help.stdout, new RegExp(`^  ${command} `, 'm'));
    assert.equal((await run(c, [command, '--help'])).code, 0);
  }
  assert.match(help.stdout, /Exit codes:/);
  assert.deepEqual(await run(c, ['--version']), { code: 0, stdout: '1.2.3\n', stderr: '' });
  const bare = await run(c, []);
  assert.equal(bare.code, exitCodes.usage);
  assert.match(bare.stderr, /Usage: herald/);
});

interface Folder extends Disposable {
  readonly path: (name: string) => string;
}

function folder(): Folder {
  const root = mkdtempSync(join(tmpdir(), 'herald-cli-'));
  return {
    path: (name) => join(root, name),
    [Symbol.dispose]: () => {
      rmSync(root, { recursive: true });
    },
  };
}

test('keys new: a pair, the private half for its owner alone, and nothing is overwritten', async () => {
  using files = folder();
  const out = files.path('keys');
  const made = await run(cluster(), ['keys', 'new', '--out', out]);
  assert.equal(made.code, exitCodes.ok, made.stderr);
  const [, keyId = ''] = /^key ([0-9a-f]{16})$/m.exec(made.stdout) ?? [];
  assert.match(made.stdout, /signing\.key .*--signing-key$/m);
  assert.equal(statSync(join(out, 'signing.key')).mode & 0o777, 0o600);
  const before = readFileSync(join(out, 'signing.key'), 'utf8');

  const shown = await run(cluster(), [
    'keys',
    'show',
    join(out, 'signing.key'),
    join(out, 'signing.pub'),
  ]);
  assert.equal(
    shown.stdout,
    `${keyId}  private  ${join(out, 'signing.key')}\n${keyId}  public  ${join(out, 'signing.pub')}\n`,
  );
  const json = await run(cluster(), ['keys', 'show', join(out, 'signing.pub'), '--json']);
  assert.deepEqual(JSON.parse(json.stdout), {
    keyId,
    half: 'public',
    file: join(out, 'signing.pub'),
  });

  const again = await run(cluster(), ['keys', 'new', '--out', out]);
  assert.equal(again.code, exitCodes.usage);
  assert.match(again.stderr, /signing\.key is there already, and keys are not overwritten; choose/);
  assert.equal(readFileSync(join(out, 'signing.key'), 'utf8'), before);
});

test('keys show: what is no key is told with its file and the fix', async () => {
  using files = folder();
  writeFileSync(files.path('text'), 'no key at all');
  const text = await run(cluster(), ['keys', 'show', files.path('text')]);
  assert.equal(text.code, exitCodes.usage);
  assert.match(text.stderr, /text: must hold PEM public keys .* herald keys new --out DIR/);
  const missing = await run(cluster(), ['keys', 'show', files.path('missing')]);
  assert.equal(missing.code, exitCodes.usage);
  assert.match(missing.stderr, /missing: cannot be read: ENOENT/);
});

test('leader --trusted-keys: believes what they have signed, and nothing else', async () => {
  using files = folder();
  const pair = generateKeyPair();
  writeFileSync(files.path('trusted.pem'), pair.trustedKey);
  const c = cluster();
  const signer = createRecordSigner({
    cluster: parseClusterName('prod'),
    signingKey: pair.signingKey,
  });
  c.network.at('a:1').seal = (record) => encodeRecord(record, signer);
  c.network.at('a:1').hold(leader(17));
  const flags = ['--trusted-keys', files.path('trusted.pem'), '-t', '200ms'];
  const good = await run(c, ['leader', ...ask, ...flags, '--cluster', 'prod']);
  assert.equal(good.code, exitCodes.ok, good.stderr);
  const elsewhere = await run(c, ['leader', ...ask, ...flags, '--cluster', 'test']);
  assert.equal(elsewhere.code, exitCodes.failed);
  assert.match(elsewhere.stderr, /^herald: UNTRUSTED: .*check that trustedKeys and its cluster/);

  const noCluster = await run(c, ['watch', ...ask, ...flags.slice(0, 2)]);
  assert.equal(noCluster.code, exitCodes.usage);
  assert.match(noCluster.stderr, /--cluster: is required with --trusted-keys/);
  const noFile = ['--trusted-keys', files.path('none'), '--cluster', 'prod'];
  const missing = await run(c, ['status', '--elector', 'elector-a:7400', ...noFile]);
  assert.equal(missing.code, exitCodes.usage);
  assert.match(missing.stderr, /--trusted-keys .*none: cannot be read: ENOENT/);
});
