/**
 * Who is there, as real processes see it of each other: killed, asked to go, frozen, started again, and
 * two that claim one name. Asked as a user would, with the `herald` command.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { waitUntil } from '@herald/lab';
import { RunningProgram, runProgram } from './support/run-program.ts';

const patienceMs = 30_000;
const nodes = 6;

interface ListedMember {
  readonly nodeId: string;
  readonly address: string;
  readonly generation: number;
  readonly status?: string;
  readonly reachability?: string;
  readonly suspectedBy?: number;
  readonly zone?: string;
  readonly build?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

async function startNode(
  id: string,
  join: readonly string[],
  more: readonly string[] = [],
): Promise<{ readonly program: RunningProgram; readonly address: string }> {
  const program = await RunningProgram.start({
    program: 'herald-gossip-node',
    args: [
      ...['--cluster', 'who-is-there', '--id', id, '--listen', '127.0.0.1:0'],
      ...join.flatMap((address) => ['--join', address]),
      ...more,
    ],
  });
  const { address } = await program.untilLogged('node ready', patienceMs);
  return { program, address: String(address) };
}

type Node = Awaited<ReturnType<typeof startNode>>;

/** Six node processes that know each other. */
class Tier implements AsyncDisposable {
  readonly nodes: Node[] = [];

  static async start(): Promise<Tier> {
    const tier = new Tier();
    try {
      for (let index = 1; index <= nodes; index++) {
        const more = [
          '--zone',
          `zone-${String(index % 2)}`,
          '--metadata',
          `rack=r${String(index)}`,
        ];
        await tier.add(`node-${String(index)}`, more);
      }
      await tier.untilAll(`all to count ${String(nodes)}`, (members) =>
        members.every((member) => member.status === 'up' && member.reachability === 'reachable'),
      );
      return tier;
    } catch (error) {
      await tier[Symbol.asyncDispose]();
      throw error;
    }
  }

  at(index: number): Node {
    const node = this.nodes[index];
    assert.ok(node !== undefined);
    return node;
  }

  async add(id: string, more: readonly string[] = []): Promise<Node> {
    const seeds = this.nodes
      .filter(({ program }) => program.process.exit === undefined)
      .slice(0, 3)
      .map(({ address }) => address);
    const node = await startNode(id, seeds, more);
    this.nodes.push(node);
    return node;
  }

  /** What that node says of all, by their names. */
  async membersSeenBy({ address }: Node): Promise<ReadonlyMap<string, ListedMember>> {
    const { exitCode, stdout, stderr } = await runProgram({
      program: 'herald',
      args: ['members', '--join', address, '--json'],
    });
    assert.equal(exitCode, 0, stderr);
    const { members } = JSON.parse(stdout) as { readonly members: readonly ListedMember[] };
    return new Map(members.map((member) => [member.nodeId, member]));
  }

  /** Waits until each of these nodes sees all its members so; returns what they see. */
  async untilAll(
    what: string,
    holds: (members: readonly ListedMember[]) => boolean,
    of: readonly Node[] = this.nodes,
  ): Promise<readonly ReadonlyMap<string, ListedMember>[]> {
    return waitUntil(
      what,
      async () => {
        const seen = await Promise.all(of.map((node) => this.membersSeenBy(node)));
        const all = seen.every((members) => members.size >= nodes && holds([...members.values()]));
        return all ? seen : undefined;
      },
      { timeoutMs: patienceMs },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { program } of this.nodes) program.process.signal('SIGCONT');
    await Promise.all(this.nodes.map(({ program }) => program[Symbol.asyncDispose]()));
  }
}

const standing = (members: readonly ListedMember[], nodeId: string): string => {
  const member = members.find((each) => each.nodeId === nodeId);
  if (member === undefined) return 'unknown';
  return member.status === 'left' ? 'left' : String(member.reachability);
};

describe('who is there, as real processes see it', { concurrency: false }, () => {
  test('each node knows what all others say of themselves', async () => {
    await using tier = await Tier.start();
    const [members] = await tier.untilAll('the first view', () => true, [tier.at(5)]);
    const first = members?.get('node-1');
    assert.equal(first?.zone, 'zone-1');
    assert.deepEqual(first.metadata, { rack: 'r1' });
    assert.match(first.build ?? '', /^\d+\.\d+\.\d+/);
    assert.equal(first.address, tier.at(0).address);
  });

  test('a killed one is unreachable for all; under its name it comes back, in a later life', async () => {
    await using tier = await Tier.start();
    const victim = tier.at(1);
    const [before] = await tier.untilAll('all is well', () => true, [tier.at(0)]);
    victim.program.process.signal('SIGKILL');
    const rest = tier.nodes.filter((node) => node !== victim);
    const gone = (members: readonly ListedMember[]): boolean =>
      members.every(
        ({ nodeId }) =>
          standing(members, nodeId) === (nodeId === 'node-2' ? 'unreachable' : 'reachable'),
      );
    await tier.untilAll('node-2 to be unreachable, and nobody else', gone, rest);
    const again = await tier.add('node-2');
    const back = [...rest, again];
    const [after] = await tier.untilAll(
      'node-2 to be back',
      (members) =>
        members.every(({ reachability }) => reachability === 'reachable') &&
        members.some(({ address }) => address === again.address),
      back,
    );
    const lives = [before, after].map((members) => members?.get('node-2')?.generation ?? 0);
    assert.ok((lives[0] ?? 0) < (lives[1] ?? 0), `generations ${lives.join(', ')}`);
  });

  test('one that is asked to go says so: it has left, and is no failure', async () => {
    await using tier = await Tier.start();
    const leaver = tier.at(2);
    leaver.program.process.signal('SIGTERM');
    assert.equal((await leaver.program.exited()).exitCode, 0);
    const rest = tier.nodes.filter((node) => node !== leaver);
    await tier.untilAll(
      'node-3 to have left',
      (members) => standing(members, 'node-3') === 'left',
      rest,
    );
    const seen = await tier.untilAll('the views after that', () => true, rest);
    for (const members of seen) {
      assert.equal(members.get('node-3')?.suspectedBy, 0, 'nobody doubts who left');
    }
  });

  test('a frozen one is unreachable; when it thaws it says that it lives, and is believed', async () => {
    await using tier = await Tier.start();
    const frozen = tier.at(3);
    frozen.program.process.signal('SIGSTOP');
    const rest = tier.nodes.filter((node) => node !== frozen);
    await tier.untilAll(
      'node-4 to be unreachable',
      (members) => standing(members, 'node-4') === 'unreachable',
      rest,
    );
    frozen.program.process.signal('SIGCONT');
    await tier.untilAll('all to be reachable again', (members) =>
      members.every(({ reachability }) => reachability === 'reachable'),
    );
  });

  test('two processes under one name are both told, and the log names the other', async () => {
    await using tier = await Tier.start();
    const impostor = await tier.add('node-1');
    const original = tier.at(0);
    const line = await original.program.untilLogged(
      'another process uses the node id of this member',
      patienceMs,
    );
    assert.equal((line['theirs'] as { readonly address: string }).address, impostor.address);
  });
});
