import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';

import { ensureEtcd } from './ensure-etcd.ts';
import { DEFAULT_IMAGE, findEtcd, parseEndpoints } from './etcd-source.ts';

/** A folder that is the whole PATH, so that the machine under the test looks as the test says. */
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-path-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function putCommand(name: string, script: string): Promise<void> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

/** apt-get, apt-cache, and root or sudo without a password; each apt-get call is noted in `calls`. */
async function putApt(candidate: string, install: string): Promise<string> {
  const calls = join(folder, 'calls');
  await symlink('/usr/bin/env', join(folder, 'env'));
  await putCommand('sudo', 'shift; exec "$@"');
  await putCommand('apt-cache', `echo "  Candidate: ${candidate}"`);
  await putCommand('apt-get', `echo "$@" >>'${calls}'\n[ "$1" = update ] || { ${install} ; }`);
  return calls;
}

function etcdScript(version: string): string {
  return `echo "etcd Version: ${version}"`;
}

function ensure(env: NodeJS.ProcessEnv, log: string[] = [], programs = false) {
  return ensureEtcd({ env: { PATH: folder, ...env }, log: (line) => log.push(line), programs });
}

describe('endpoints', () => {
  it('are host:port or URLs, separated by commas', () => {
    assert.deepEqual(parseEndpoints('127.0.0.1:2379, https://etcd.example:443/ ,[::1]:1'), [
      'http://127.0.0.1:2379',
      'https://etcd.example:443',
      'http://[::1]:1',
    ]);
  });

  it('are refused with the variable and the value', () => {
    for (const bad of ['etcd', 'http://etcd', 'ftp://etcd:1', 'a:1,', 'a:b', 'http://a:1/path']) {
      assert.throws(() => parseEndpoints(bad), { code: 'bad-input', message: /HERALD_ETCD_ENDP/ });
    }
  });
});

describe('where etcd comes from', () => {
  it('is the named endpoints before all else, and no other if they do not answer', async () => {
    await putCommand('etcd', etcdScript('3.5.0'));
    const env = { PATH: folder, HERALD_ETCD_ENDPOINTS: '127.0.0.1:1' };
    await assert.rejects(findEtcd(env), {
      code: 'etcd-unavailable',
      message: /127\.0\.0\.1:1.*ECONNREFUSED/,
    });
    await assert.rejects(ensure(env), { code: 'etcd-unavailable' });
  });

  it('is not an HTTP server that is no etcd', async () => {
    const server = await serve((path) => (path === '/version' ? '{"etcdserver":"2.3.8"}' : '{}'));
    try {
      const { port } = server.address() as AddressInfo;
      const env = { PATH: folder, HERALD_ETCD_ENDPOINTS: `127.0.0.1:${port}` };
      await assert.rejects(findEtcd(env), { message: /is etcd 2\.3\.8; Herald needs 3\.4/ });
    } finally {
      server.close();
    }
  });

  it('is an etcd on the PATH before Docker', async () => {
    await putCommand('etcd', etcdScript('3.5.21'));
    await putCommand('docker', 'exit 0');
    const path = join(folder, 'etcd');
    assert.deepEqual(await findEtcd({ PATH: folder }), { kind: 'binary', path, version: '3.5.21' });
  });

  it('is Docker where the etcd on the PATH is too old or broken', async () => {
    await putCommand('docker', 'exit 0');
    for (const script of [etcdScript('3.3.25'), 'exit 1', 'echo hello']) {
      await putCommand('etcd', script);
      assert.deepEqual(await findEtcd({ PATH: folder }), {
        kind: 'docker',
        image: DEFAULT_IMAGE,
        imagePresent: true,
      });
    }
  });

  it('is the image of ETCD_IMAGE, fetched when it is not there', async () => {
    const log: string[] = [];
    await putCommand('docker', '[ "$1" != image ]');
    const source = await ensure({ ETCD_IMAGE: 'example/etcd:1' }, log);
    assert.deepEqual(source, { kind: 'docker', image: 'example/etcd:1', imagePresent: true });
    assert.match(log.join('\n'), /fetching the image example\/etcd:1/);
  });

  it('is not a Docker engine on another machine', async () => {
    await putCommand('docker', 'exit 0');
    const lookup = await findEtcd({ PATH: folder, DOCKER_HOST: 'tcp://10.0.0.1:2375' });
    assert.equal(lookup.kind, 'none');
  });

  it('is apt-get when the image cannot be fetched, and it says so first', async () => {
    const log: string[] = [];
    await putCommand('docker', '[ "$1" = info ] || { echo no route to registry >&2; exit 1; }');
    const script = etcdScript('3.4.30').replaceAll('"', '\\"');
    const made = `printf '%s\\n' '#!/bin/sh' "${script}" >'${folder}/etcd'; /bin/chmod +x '${folder}/etcd'`;
    const calls = await putApt('3.4.30-1', made);
    assert.deepEqual(await ensure({}, log), {
      kind: 'binary',
      path: join(folder, 'etcd'),
      version: '3.4.30',
    });
    assert.match(log.join('\n'), /cannot be fetched.*\n.*apt-get install etcd-server etcd-client/);
    assert.match(
      await readFile(calls, 'utf8'),
      /^update .*\ninstall .* etcd-server etcd-client\n$/,
    );
  });

  it('is not a package that is too old: nothing is installed then', async () => {
    const calls = await putApt('3.3.25+dfsg-6', 'exit 1');
    await assert.rejects(ensure({}), { message: /apt-get offers etcd 3\.3\.25/ });
    assert.match(await readFile(calls, 'utf8'), /^update [^\n]*\n$/);
  });

  it('is programs alone where tests ask for them: no container, nobody else’s, and etcdctl too', async () => {
    const endpoints = { HERALD_ETCD_ENDPOINTS: '127.0.0.1:1' };
    await putCommand('docker', 'exit 0');
    await assert.rejects(ensure(endpoints, [], true), {
      code: 'etcd-unavailable',
      message: /no etcd on the PATH.*no apt-get.*sudo apt-get install etcd-server etcd-client/s,
    });
    await putCommand('etcd', etcdScript('3.5.21'));
    await assert.rejects(ensure(endpoints, [], true), { message: /no etcdctl on the PATH/ });
    const calls = await putApt(
      '3.4.30-1',
      `: >'${folder}/etcdctl'; /bin/chmod +x '${folder}/etcdctl'`,
    );
    const path = join(folder, 'etcd');
    const found = { kind: 'binary', path, version: '3.5.21' };
    assert.deepEqual(await ensure(endpoints, [], true), found);
    assert.match(
      await readFile(calls, 'utf8'),
      /^update .*\ninstall .* etcd-server etcd-client\n$/,
    );
    assert.deepEqual(await ensure(endpoints, [], true), found);
    assert.equal((await readFile(calls, 'utf8')).split('\n').length, 3, 'installed once');
  });

  it('is explained when there is none: every reason, and an install for each platform', async () => {
    await assert.rejects(ensure({}), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'etcd-unavailable');
      for (const expected of [
        'HERALD_ETCD_ENDPOINTS is not set',
        'no etcd on the PATH',
        'no Docker engine answers',
        'no apt-get',
        'sudo apt-get install etcd-server etcd-client',
        'brew install etcd',
        'ETCD_IMAGE',
      ]) {
        assert.ok(error.message.includes(expected), `${expected} in:\n${error.message}`);
      }
      return true;
    });
  });

  it('can be given up', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await putCommand('docker', 'sleep 1000');
    await assert.rejects(ensureEtcd({ env: { PATH: folder }, log: () => undefined, signal }), {
      message: 'enough',
    });
  });
});

async function serve(answer: (path: string) => string): Promise<Server> {
  const server = createServer((request, response) => {
    response.end(answer(request.url ?? ''));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return server;
}
