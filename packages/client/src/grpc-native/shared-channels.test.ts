import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Metadata } from '@grpc/grpc-js';
import { answerOf, startNode, waitFor } from '../test-support/test-node.ts';
import {
  draw,
  leaderAt,
  newStub,
  refusalWith,
  startTicketServer,
} from '../test-support/tickets.ts';
import { leaderChannelOptions, registerHeraldResolver } from './leader-channel.ts';
import { heraldTarget } from './target.ts';

beforeEach(() => {
  registerHeraldResolver({ client: { insecure: true } });
});

/** A real node that tells that `address` leads, and counts who watches. */
async function nodeThatNames(address: string) {
  let opened = 0;
  let watching = 0;
  const answer = () => answerOf(leaderAt(1, address));
  const node = await startNode({
    getLeader: (_call, callback) => {
      callback(null, answer());
    },
    watchLeader: (call) => {
      opened++;
      watching++;
      call.on('cancelled', () => watching--);
      call.write(answer());
    },
  });
  return Object.assign(node, { opened: () => opened, watching: () => watching });
}

test('channels of one target share one client and one watch, which end with the last of them', async () => {
  await using server = await startTicketServer('a');
  await using node = await nodeThatNames(server.address);
  const target = heraldTarget('payments', [node.address]);
  const stubs = [1, 2, 3].map(() => newStub(target, leaderChannelOptions(target)));
  for (const stub of stubs) assert.equal((await draw(stub)).by, 'a');
  await waitFor(() => node.watching() === 1, 'one watch');
  stubs[0]!.close();
  stubs[1]!.close();
  assert.equal((await draw(stubs[2]!)).by, 'a');
  assert.equal(node.watching(), 1);
  stubs[2]!.close();
  await waitFor(() => node.watching() === 0, 'the watch to end');
});

test('a bare target follows the leader by the nodes of the registration, and refusals are the caller’s', async () => {
  await using server = await startTicketServer('a');
  await using node = await nodeThatNames(server.address);
  registerHeraldResolver({ nodes: [node.address], client: { insecure: true } });
  const stub = newStub('herald:///payments', {});
  assert.equal((await draw(stub)).by, 'a');
  server.refusal = refusalWith();
  await assert.rejects(draw(stub), /FAILED_PRECONDITION: not the leader of payments/);
  assert.equal(server.seen.length, 2);
  stub.close();
  registerHeraldResolver({ client: { insecure: true } });
  await waitFor(() => node.watching() === 0, 'the watch to end');
});

test('P5: a target that names its nodes follows refusals, too', async () => {
  await using old = await startTicketServer('old');
  await using successor = await startTicketServer('new');
  await using node = await nodeThatNames(old.address);
  old.refusal = refusalWith(leaderAt(2, successor.address));
  const target = heraldTarget('payments', [node.address]);
  const stub = newStub(target, leaderChannelOptions(target));
  assert.equal((await draw(stub)).by, 'new');
  stub.close();
});

test('a channel that became idle lets go of the watch, and takes it up with its next call', async () => {
  await using server = await startTicketServer('a');
  await using node = await nodeThatNames(server.address);
  const target = heraldTarget('payments', [node.address]);
  const options = { ...leaderChannelOptions(target), 'grpc.client_idle_timeout_ms': 1_000 };
  const stub = newStub(target, options);
  await draw(stub);
  await waitFor(() => node.watching() === 0, 'the channel to become idle');
  assert.equal((await draw(stub)).by, 'a');
  await waitFor(() => node.opened() >= 2 && node.watching() === 1, 'the watch to be taken up');
  stub.close();
});

test('a program that closes its stub and its client leaves nothing that keeps it alive', async () => {
  await using server = await startTicketServer('a');
  await using node = await nodeThatNames(server.address);
  const program = `
    import { createClient } from ${JSON.stringify(import.meta.resolve('../index.js'))};
    import { leaderChannel } from ${JSON.stringify(import.meta.resolve('./index.js'))};
    import { draw, newStub } from ${JSON.stringify(import.meta.resolve('../test-support/tickets.js'))};
    const client = createClient({ insecure: true, seeds: [${JSON.stringify(node.address)}], election: 'payments' });
    const { options, target } = leaderChannel(client);
    const stub = newStub(target, options);
    await draw(stub);
    stub.close();
    await client.close();
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: 'inherit',
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    timeout: 60_000,
  });
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('metadata of the caller is left as it was', async () => {
  await using server = await startTicketServer('a');
  await using node = await nodeThatNames(server.address);
  const target = heraldTarget('payments', [node.address]);
  const stub = newStub(target, leaderChannelOptions(target));
  const metadata = new Metadata();
  metadata.set('tenant', 'blue');
  await draw(stub, { metadata });
  await draw(stub, { metadata });
  assert.deepEqual(metadata.getMap(), { tenant: 'blue' });
  assert.equal(server.seen[1]!.get('tenant')[0], 'blue');
  assert.equal(server.seen[1]!.get('herald-epoch')[0], '1');
  stub.close();
});
