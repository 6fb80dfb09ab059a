/** What a container's health check finds, of servers that are ready, not ready, silent or not there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { repositoryFolder as root } from './source-tree.mjs';

const script = join(root, 'docker', 'is-ready.mjs');

/** Nothing listens on it: the port is reserved, and below those that are given out. */
const nobody = '0.0.0.0:1';

function check(listen) {
  const env = { ...process.env, HERALD_OPS_LISTEN: listen };
  return new Promise((resolve) => {
    execFile(process.execPath, [script], { env }, (error, stdout) => {
      resolve({ exitCode: error?.code ?? 0, stdout });
    });
  });
}

async function checkServer(answer) {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await check(`0.0.0.0:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('the health check of a container', { concurrency: true }, () => {
  it('succeeds when the process says that it is ready', async () => {
    const { exitCode, stdout } = await checkServer(({ url }, response) => {
      response.writeHead(url === '/readyz' ? 200 : 404).end('{"status":"ready"}');
    });
    assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: '{"status":"ready"}' });
  });

  it('fails with the reason that the process gives', async () => {
    const { exitCode, stdout } = await checkServer((_request, response) => {
      response.writeHead(503).end('isolated');
    });
    assert.deepEqual({ exitCode, stdout }, { exitCode: 1, stdout: 'isolated' });
  });

  it('fails when nothing answers', async () => {
    const silent = await checkServer(() => undefined);
    assert.equal(silent.exitCode, 1);
    assert.match(silent.stdout, /^not ready: no answer within 3000 ms/);
    const absent = await check(nobody);
    assert.equal(absent.exitCode, 1);
    assert.match(absent.stdout, /^not ready: .*ECONNREFUSED/);
  });

  it('fails when it does not know where to ask', async () => {
    const { exitCode, stdout } = await check('');
    assert.equal(exitCode, 1);
    assert.match(stdout, /HERALD_OPS_LISTEN/);
  });
});
