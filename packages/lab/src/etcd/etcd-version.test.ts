import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isSupportedEtcd, parseEtcdVersion } from './etcd-version.ts';

describe('etcd versions', () => {
  it('are read from what etcd prints', () => {
    assert.equal(parseEtcdVersion('etcd Version: 3.4.23\nGit SHA: Not provided\n'), '3.4.23');
    assert.equal(parseEtcdVersion('etcd Version: 3.6.0-rc.1\n'), '3.6.0-rc.1');
    assert.equal(parseEtcdVersion('etcdctl version: 3.4.23\n'), undefined);
  });

  it('are supported from 3.4 on', () => {
    for (const version of ['3.4.0', 'v3.6.6', '3.4.23-4+b4', '3.10.1', '4.0.0']) {
      assert.equal(isSupportedEtcd(version), true, version);
    }
    for (const version of ['3.3.25', '2.3.8', 'unknown', '']) {
      assert.equal(isSupportedEtcd(version), false, version);
    }
  });
});
