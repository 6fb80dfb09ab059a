/** When container tests run and when they say why not, with stand-ins for Docker's own commands. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';

import { composeImages, whyNoContainers } from './container-engine.mjs';
import { repositoryFolder as root } from './source-tree.mjs';

describe('whether container tests can run', () => {
  let folder;
  let env;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'herald-engine-test-'));
    env = { PATH: folder, NODE_IMAGE: 'example/node:1', ETCD_IMAGE: '' };
    env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** A command that succeeds for what `pattern`, one of the shell's, matches. */
  function putCommand(name, pattern) {
    const path = join(folder, name);
    writeFileSync(
      path,
      `#!/bin/sh\ncase "$*" in ${pattern}) echo found; exit 0;; *) exit 1;; esac\n`,
    );
    chmodSync(path, 0o755);
  }

  it('not without an engine', () => {
    assert.match(whyNoContainers(root, env), /no Docker engine answers/);
    putCommand('docker', 'compose*');
    assert.match(whyNoContainers(root, env), /no Docker engine answers/);
  });

  it('not without a compose', () => {
    putCommand('docker', 'info');
    assert.match(whyNoContainers(root, env), /neither docker compose nor docker-compose/);
  });

  it('not without the images, which it names', () => {
    putCommand('docker', 'info');
    putCommand('docker-compose', 'version');
    const [node, etcd] = composeImages(root, env);
    assert.equal(node, 'example/node:1');
    assert.match(etcd, /etcd.*:v3\.6/);
    assert.match(
      whyNoContainers(root, env),
      new RegExp(`missing ${node} and ${etcd} .*ETCD_IMAGE`),
    );
    putCommand('docker', `info|*${node}`);
    assert.match(whyNoContainers(root, env), new RegExp(`missing ${etcd} `));
  });

  it('not without what cleans up after a run that was killed, unless that is disabled', () => {
    env.TESTCONTAINERS_RYUK_DISABLED = 'false';
    putCommand('docker', 'info|"image inspect"*|"compose version"');
    assert.match(whyNoContainers(root, env), /missing testcontainers\/ryuk .*RYUK_DISABLED=true/);
    putCommand(
      'docker',
      'info|"image inspect"*|"compose version"|"images --quiet testcontainers"*',
    );
    assert.equal(whyNoContainers(root, env), undefined);
  });

  it('with an engine, either compose, and the images', () => {
    putCommand('docker', 'info|"image inspect"*|"compose version"');
    assert.equal(whyNoContainers(root, env), undefined);
    putCommand('docker', 'info|"image inspect"*');
    putCommand('docker-compose', 'version');
    assert.equal(whyNoContainers(root, env), undefined);
  });
});

describe('the images', () => {
  const read = (path) => readFileSync(join(root, path), 'utf8');
  const [node, etcd] = composeImages(root, {});

  it('are the same wherever they have a default', () => {
    const [, ofDockerfile] = /^ARG NODE_IMAGE=(\S+)$/m.exec(read('Dockerfile')) ?? [];
    assert.equal(ofDockerfile, node);
    const lab = read('packages/lab/src/etcd/etcd-source.ts');
    const [, ofLab] = /DEFAULT_IMAGE = '([^']+)'/.exec(lab) ?? [];
    assert.equal(ofLab, etcd);
    const compose = read('docker-compose.yml');
    for (const [, fallback] of compose.matchAll(/\$\{NODE_IMAGE:-([^}]+)\}/g)) {
      assert.equal(fallback, node);
    }
  });
});
