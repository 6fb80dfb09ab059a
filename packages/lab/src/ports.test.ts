import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { LabError } from './lab-error.ts';
import { assertPortsFree, planPorts } from './ports.ts';

test('electors take the first ports, nodes those after them', () => {
  assert.deepEqual(planPorts(7_000, 3), { electors: [7_000, 7_001, 7_002], firstNode: 7_003 });
});

test('a port that is taken is named, with the range and the option', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    await assert.rejects(
      assertPortsFree(port, 5, '127.0.0.1'),
      (error) =>
        error instanceof LabError &&
        error.code === 'port-taken' &&
        error.message.includes(
          `--port-base ${String(port)}: port ${String(port)} of 127.0.0.1 is already`,
        ) &&
        error.message.includes(`${String(port)} to ${String(port + 4)}`),
    );
  } finally {
    server.close();
  }
  await once(server, 'close');
  await assertPortsFree(port, 1, '127.0.0.1');
});
