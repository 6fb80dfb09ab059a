import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { etcdArguments, withoutEtcdSettings } from './etcd-flags.ts';

describe('the command line of a member', () => {
  it('names the member, its folder, its addresses and its cluster', () => {
    const flags = etcdArguments({
      name: 'etcd-1',
      dataDir: '/data',
      clientListenUrl: 'http://0.0.0.0:2379',
      clientUrl: 'http://127.0.0.1:5',
      peerListenUrl: 'http://0.0.0.0:2380',
      peerUrl: 'http://etcd-1:2380',
      initialCluster: ['etcd-1=http://etcd-1:2380', 'etcd-2=http://etcd-2:2380'],
      clusterToken: 'token',
      quotaBytes: 1_000,
    });
    for (const expected of [
      '--name=etcd-1',
      '--data-dir=/data',
      '--advertise-client-urls=http://127.0.0.1:5',
      '--initial-cluster=etcd-1=http://etcd-1:2380,etcd-2=http://etcd-2:2380',
      '--quota-backend-bytes=1000',
    ]) {
      assert.ok(flags.includes(expected), expected);
    }
  });

  it('is not changed by the environment of whoever starts the lab', () => {
    const env = { PATH: '/bin', ETCD_NAME: 'x', ETCDCTL_API: '2', ETCD_IMAGE: 'i', ETCDS: 'kept' };
    assert.deepEqual(withoutEtcdSettings(env), { PATH: '/bin', ETCDS: 'kept' });
  });
});
