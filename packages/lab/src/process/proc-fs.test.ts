import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';

import {
  establishedConnections,
  parseConnections,
  processCpuSeconds,
  processName,
  processRuns,
  socketInodes,
} from './proc-fs.ts';

/** A real /proc/net/tcp: a listener, and both ends of one connection on loopback. */
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 101 1 0 100 0 0 10 0
   1: 0100007F:0CEA 0100007F:D903 01 00000000:00000000 00:00000000 00000000     0        0 102 1 0 20 4 30 10 -1
   2: 0100007F:D903 0100007F:0CEA 01 00000000:00000000 00:00000000 00000000     0        0 103 1 0 20 4 30 10 -1
`;

describe('/proc', () => {
  it('lists established connections only', () => {
    assert.deepEqual(parseConnections(TCP), [
      { localPort: 3306, remotePort: 55_555, inode: '102' },
      { localPort: 55_555, remotePort: 3306, inode: '103' },
    ]);
  });

  it('answers undefined for a process that is not there', async () => {
    const nobody = 2 ** 30;
    assert.equal(await processCpuSeconds(nobody), undefined);
    assert.equal(await processName(nobody), undefined);
    assert.equal(await establishedConnections(nobody), undefined);
    assert.equal(await socketInodes(nobody), undefined);
    assert.equal(await processRuns(nobody), false);
    assert.equal(await processRuns(process.pid), true);
  });

  it('tells our own CPU time and connections where there is a /proc', async () => {
    const cpu = await processCpuSeconds(process.pid);
    if (process.platform !== 'linux') {
      assert.equal(cpu, undefined);
      return;
    }
    const { user, system } = process.cpuUsage();
    assert.ok(cpu !== undefined && Math.abs(cpu - (user + system) / 1e6) < 0.5);

    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [ReturnType<typeof connect>];
    try {
      const rows = await establishedConnections(process.pid);
      const inodes = await socketInodes(process.pid);
      const ours = rows?.filter((row) => row.localPort === port || row.remotePort === port);
      assert.equal(ours?.length, 2);
      assert.ok(ours.every((row) => inodes?.has(row.inode)));
    } finally {
      client.destroy();
      accepted.destroy();
      server.close();
    }
  });
});
