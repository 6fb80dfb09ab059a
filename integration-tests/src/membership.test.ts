/**
 * Who is there, as real processes see it of each other: frozen, killed, started again, asked to go, and two
 * that claim one name. One tier goes through all of it, in this order. What users see is asked with the
 * `herald` command; what is waited for, with the client.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { createClient } from '@herald/client';
import type { Client } from '@herald/client';
import { waitUntil } from '@herald/lab';
import { RunningProgram, runProgram } from './support/run-program.ts';

const patienceMs = 60_000;
const nodes = 6;

interface SeenMember {
  readonly nodeId: string;
  readonly address: string;
  readonly generation: number;
  readonly status?: string;
  readonly reachability?: string;
  readonly suspectedBy?: number;
}

/** As `herald members --json` shows it. */
interface ListedMember extends SeenMember {
  readonly zone?: string;
  readonly build?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

interface Node {
  readonly program: RunningProgram;
  readonly address: string;
  readonly client: Client;
}

async function startNode(
  id: string,
  join: readonly string[],
  more: readonly string[] = [],
): Promise<Node> {
  const program = await RunningProgram.start({
    program: 'herald-gossip-node',
    args: [
      ...['--cluster', 'who-is-there', '--id', id, '--listen', '127.0.0.1:0'],
      ...join.flatMap((address) => ['--join', address]),
      ...more,
    ],
  });
  const address = String((await program.untilLogged('node ready', patienceMs))['address']);
  const client = createClient({ seeds: [address], election: 'payments', insecure: true });
  return { program, address, client };
}

/** Flags for what it tells of itself. */
function factsOf(index: number): readonly string[] {
  return ['--zone', `zone-${String(index % 2)}`, '--metadata', `rack=r${String(index)}`];
}

/** Six node processes that know each other. */
class Tier implements AsyncDisposable {
  readonly #nodes: Node[] = [];

  static async start(): Promise<Tier> {
    const tier = new Tier();
    try {
      await tier.add('node-1', factsOf(1));
      const others = Array.from({ length: nodes - 1 }, (_, index) => index + 2);
      await Promise.all(others.map((index) => tier.add(`node-${String(index)}`, factsOf(index))));
      await tier.untilAllAreWell();
      return tier;
    } catch (error) {
      await tier[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Those whose processes have not ended. */
  get running(): readonly Node[] {
    return this.#nodes.filter(({ program }) => program.process.exit === undefined);
  }

  /** The process that was started last under that name. */
  named(id: string): Node {
    const node = this.#nodes.findLast(
      ({ program }) => program.logged('node ready')[0]?.['nodeId'] === id,
    );
    assert.ok(node !== undefined, id);
    return node;
  }

  async add(id: string, more: readonly string[] = []): Promise<Node> {
    const seeds = this.running.slice(0, 3).map(({ address }) => address);
    const node = await startNode(id, seeds, more);
    this.#nodes.push(node);
    return node;
  }

  untilAllAreWell(): Promise<unknown> {
    return this.untilAll(`all to count ${String(nodes)}`, (members) =>
      members.every(({ status, reachability }) => status === 'up' && reachability === 'reachable'),
    );
  }

  /** Waits until each of these nodes sees all its members so; returns what the first of them sees. */
  async untilAll(
    what: string,
    holds: (members: readonly SeenMember[]) => boolean,
    of = this.running,
  ): Promise<readonly SeenMember[]> {
    return waitUntil(
      what,
      async () => {
        const seen = await Promise.all(of.map(membersSeenBy));
        return seen.every((members) => members.length >= nodes && holds(members)) && seen[0];
      },
      { timeoutMs: patienceMs },
    );
  }

  thaw(): void {
    for (const { program } of this.#nodes) program.process.signal('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.thaw();
    await Promise.all(this.#nodes.map(({ client }) => client[Symbol.asyncDispose]()));
    await Promise.all(this.#nodes.map(({ program }) => program[Symbol.asyncDispose]()));
  }
}

/** What that node says of all. */
async function membersSeenBy({ client }: Node): Promise<readonly SeenMember[]> {
  const { members } = await client.listMembers({ timeoutMs: patienceMs });
  return members.map(({ contact, facts, ...own }) => ({ ...contact, ...own, ...facts }));
}

/** The same, as a user sees it. */
async function listedBy({ address }: Node): Promise<ReadonlyMap<string, ListedMember>> {
  const { exitCode, stdout, stderr } = await runProgram({
    program: 'herald',
    args: ['members', '--join', address, '--json'],
  });
  assert.equal(exitCode, 0, stderr);
  const { members } = JSON.parse(stdout) as { readonly members: readonly ListedMember[] };
  return new Map(members.map((member) => [member.nodeId, member]));
}

const standing = (members: readonly SeenMember[], nodeId: string): string => {
  const member = members.find((each) => each.nodeId === nodeId);
  if (member === undefined) return 'unknown';
  return member.status === 'left' ? 'left' : String(member.reachability);
};

describe('who is there, as real processes see it', () => {
  let tier: Tier;

  before(async () => {
    tier = await Tier.start();
  });

  afterEach(() => {
    tier.thaw();
  });

  after(async () => {
    await tier[Symbol.asyncDispose]();
  });

  const allBut = (node: Node): readonly Node[] => tier.running.filter((each) => each !== node);

  test('each node knows what all others say of themselves', async () => {
    const first = (await listedBy(tier.named('node-6'))).get('node-1');
    assert.equal(first?.zone, 'zone-1');
    assert.deepEqual(first.metadata, { rack: 'r1' });
    assert.match(first.build ?? '', /^\d+\.\d+\.\d+/);
    assert.equal(first.address, tier.named('node-1').address);
  });

  test('a frozen one is unreachable; when it thaws it says that it lives, and is believed', async () => {
    const frozen = tier.named('node-4');
    const rest = allBut(frozen);
    frozen.program.process.signal('SIGSTOP');
    await tier.untilAll(
      'node-4 to be unreachable',
      (members) => standing(members, 'node-4') === 'unreachable',
      rest,
    );
    frozen.program.process.signal('SIGCONT');
    await tier.untilAllAreWell();
  });

  test('a killed one is unreachable for all; under its name it comes back, in a later life', async () => {
    const victim = tier.named('node-2');
    const rest = allBut(victim);
    const generationOf = (members: readonly SeenMember[]): number =>
      members.find(({ nodeId }) => nodeId === 'node-2')?.generation ?? 0;
    const before = generationOf(await membersSeenBy(tier.named('node-1')));
    victim.program.process.signal('SIGKILL');
    await tier.untilAll(
      'node-2 to be unreachable, and nobody else',
      (members) =>
        members.every(
          ({ nodeId }) =>
            standing(members, nodeId) === (nodeId === 'node-2' ? 'unreachable' : 'reachable'),
        ),
      rest,
    );
    const shown = (await listedBy(tier.named('node-1'))).get('node-2');
    assert.equal(shown?.reachability, 'unreachable', 'a user sees it too');
    const again = await tier.add('node-2');
    const after = await tier.untilAll(
      'node-2 to be back',
      (members) =>
        members.every(({ reachability }) => reachability === 'reachable') &&
        members.some(({ address }) => address === again.address),
      [...rest, again],
    );
    const lives = [before, generationOf(after)];
    assert.ok((lives[0] ?? 0) < (lives[1] ?? 0), `generations ${lives.join(', ')}`);
  });

  test('one that is asked to go says so: it has left, and is no failure', async () => {
    const leaver = tier.named('node-3');
    const rest = allBut(leaver);
    leaver.program.process.signal('SIGTERM');
    assert.equal((await leaver.program.exited()).exitCode, 0);
    await tier.untilAll(
      'node-3 to have left',
      (members) => standing(members, 'node-3') === 'left',
      rest,
    );
    for (const members of await Promise.all(rest.map(membersSeenBy))) {
      const left = members.find(({ nodeId }) => nodeId === 'node-3');
      assert.equal(left?.suspectedBy, 0, 'nobody doubts who left');
    }
  });

  test('two processes under one name are both told, and the log names the other', async () => {
    const original = tier.named('node-1');
    const impostor = await tier.add('node-1');
    const line = await original.program.untilLogged(
      'another process uses the node id of this member',
      patienceMs,
    );
    assert.equal((line['theirs'] as { readonly address: string }).address, impostor.address);
  });
});
