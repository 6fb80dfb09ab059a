import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { countForeign } from './etcd-load.ts';

describe('client connections of an etcd', () => {
  it('are those that it accepted, without those that it opened to itself', () => {
    const connections = [
      { localPort: 2379, remotePort: 50_001, inode: 'etcd-a' }, // a client's
      { localPort: 50_001, remotePort: 2379, inode: 'client' }, // its other end, on this machine
      { localPort: 2379, remotePort: 50_002, inode: 'etcd-b' }, // the gateway's
      { localPort: 50_002, remotePort: 2379, inode: 'etcd-c' }, // its other end, etcd's own
      { localPort: 2379, remotePort: 50_003, inode: 'etcd-d' }, // a client's from elsewhere
      { localPort: 50_004, remotePort: 2380, inode: 'etcd-e' }, // to a peer
      { localPort: 8080, remotePort: 50_005, inode: 'other' }, // nothing to do with it
    ];
    const own = new Set(['etcd-a', 'etcd-b', 'etcd-c', 'etcd-d', 'etcd-e']);
    assert.equal(countForeign(connections, own, 2379), 2);
    assert.equal(countForeign([], own, 2379), 0);
  });
});
