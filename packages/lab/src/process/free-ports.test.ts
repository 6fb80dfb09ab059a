import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';

import { takeFreePorts } from './free-ports.ts';

describe('free ports', () => {
  it('are different, can be bound, and lie below the outgoing range', async () => {
    const ports = await takeFreePorts(20);
    assert.equal(new Set(ports).size, 20);
    for (const port of ports) {
      assert.ok(port >= 10_240 && port < 49_152, String(port));
      const server = createServer().listen(port, '127.0.0.1');
      await once(server, 'listening');
      server.close();
      await once(server, 'close');
    }
  });

  it('fail with the reason when the address is not ours', async () => {
    // RFC 5737 keeps 192.0.2.0/24 for documentation: no machine has it.
    await assert.rejects(takeFreePorts(1, '192.0.2.1'), { code: 'EADDRNOTAVAIL' });
  });
});
