/** The README's snippets compile, stand in the examples word for word, and do what they say. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { follow, observed, placeOrder, report, tolerant } from './readme-examples.test.ts';
import { createTestTier } from './testing.ts';

/** Built files lie in `dist`, sources beside it. */
const packageFolder = new URL('../', import.meta.url);

function dedented(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const indent = Math.min(...lines.map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(indent).trimEnd()).join('\n');
}

function regionsOf(source: string): Map<string, string> {
  const regions = new Map<string, string>();
  for (const [, name = '', body = ''] of source.matchAll(
    /#region (\w+)\n([^]*?)[ ]*\/\/ #endregion/g,
  )) {
    regions.set(dedented(body), name);
  }
  return regions;
}

test('each snippet of the README is one of the examples, and each example is in the README', async () => {
  const readme = await readFile(new URL('README.md', packageFolder), 'utf8');
  const source = await readFile(new URL('src/readme-examples.test.ts', packageFolder), 'utf8');
  const regions = regionsOf(source);
  const shown = new Set<string>();
  for (const [, block = ''] of readme.matchAll(/```ts\n([^]*?)```/g)) {
    const withoutImports = dedented(block.replace(/^import .*\n/gm, ''));
    const name = regions.get(withoutImports);
    assert.ok(name !== undefined, `not among the examples:\n${block}`);
    shown.add(name);
  }
  assert.deepEqual([...shown].sort(), [...regions.values()].sort());
});

test('the work of the README is done at the leader, through a refusal', async () => {
  const seen: (string | undefined)[] = [];
  let refusals = 0;
  const former = createServer((_request, response) => {
    // It may be asked once more before the client has heard of the successor.
    if (refusals++ === 0) tier.elect({ address: addressOf(leader) });
    response.writeHead(421).end();
  });
  const leader = createServer((request, response) => {
    seen.push(request.headers['herald-epoch'] as string | undefined);
    if (request.url === '/orders/bad') response.writeHead(422).end();
    else response.end('receipt');
  });
  const tier = createTestTier({ election: 'payments' });
  await using client = tier.createClient();
  await Promise.all([former, leader].map(listen));
  try {
    tier.elect({ address: addressOf(former) });
    assert.equal(await placeOrder(client, { id: '7' }), 'receipt');
    assert.ok(refusals >= 1);
    assert.deepEqual(seen, ['2']);
    await assert.rejects(report(client, { id: 'bad' }), /order refused: 422/);
    await client.close();
    assert.equal(await report(client, { id: '8' }), 'safe to try again: CLOSED');
  } finally {
    for (const server of [former, leader]) {
      server.close();
      server.closeAllConnections();
    }
  }
});

test('the watch and the reads of the README', async () => {
  const tier = createTestTier({ election: 'payments' });
  const client = tier.createClient();
  tier.elect({ address: 'one:80', id: 'one' });
  const any = await tolerant(client);
  assert.equal(any.status, 'current');
  const lines: string[] = [];
  let told: () => void = () => undefined;
  const first = new Promise<void>((resolve) => (told = resolve));
  const following = follow(client, (line) => {
    lines.push(line);
    told();
  });
  await first;
  await client.close();
  await following;
  assert.deepEqual(lines, ['one leads']);
});

test('the observed client of the README is one', async () => {
  const client = observed();
  assert.equal(client.election, 'payments');
  await client.close();
});

async function listen(server: ReturnType<typeof createServer>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function addressOf(server: ReturnType<typeof createServer>): string {
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}
