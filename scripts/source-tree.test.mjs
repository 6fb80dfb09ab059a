import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';

import {
  buildNotes,
  compareOutputs,
  dependencyFingerprint,
  forgetBuild,
  installMatchesLockfile,
  sourceFingerprint,
} from './source-tree.mjs';

/** A repository of one workspace, built. */
let root;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'herald-tree-'));
  put('package.json', { name: 'root', workspaces: ['packages/a'] });
  put('package-lock.json', lockfile({ 'node_modules/x': { version: '1.0.0', integrity: 'i' } }));
  put('packages/a/package.json', { name: 'a', dependencies: { x: '1' } });
  put('packages/a/tsconfig.json', {});
  put('packages/a/tsconfig.tsbuildinfo', '');
  for (const name of ['index', 'deep/b', 'deep/b.test']) putBuilt(name);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function put(path, content) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
}

function putBuilt(name) {
  put(`packages/a/src/${name}.ts`, '');
  for (const extension of ['js', 'js.map', 'd.ts', 'd.ts.map']) {
    put(`packages/a/dist/${name}.${extension}`, '');
  }
}

function lockfile(packages) {
  return { packages: { '': {}, 'packages/a': {}, ...packages } };
}

describe('outputs', () => {
  it('are complete when each source has its own', () => {
    assert.deepEqual(compareOutputs(root), { stale: [], incomplete: [] });
  });

  it('are stale when their source is gone, whatever their kind; other files are left alone', () => {
    rmSync(join(root, 'packages/a/src/deep/b.test.ts'));
    put('packages/a/dist/proto/x.proto', '');
    put('packages/a/dist/test.tsbuildinfo', '');
    const { stale, incomplete } = compareOutputs(root);
    assert.deepEqual(
      stale.map((path) => relative(join(root, 'packages/a/dist/deep'), path)).sort(),
      ['b.test.d.ts', 'b.test.d.ts.map', 'b.test.js', 'b.test.js.map'],
    );
    assert.deepEqual(incomplete, []);
  });

  it('are incomplete when one is gone, and tsc’s notes can be forgotten', () => {
    rmSync(join(root, 'packages/a/dist'), { recursive: true });
    put('packages/a/dist/test.tsbuildinfo', '');
    assert.deepEqual(compareOutputs(root).incomplete, ['packages/a']);
    assert.equal(buildNotes(join(root, 'packages/a')).length, 2);
    forgetBuild(root, 'packages/a');
    assert.deepEqual(buildNotes(join(root, 'packages/a')), []);
  });

  it('are incomplete when what a workspace generates is gone', () => {
    put('packages/a/generate.mjs', '');
    assert.deepEqual(compareOutputs(root).incomplete, ['packages/a']);
    put('packages/a/generated/stamp', '');
    assert.deepEqual(compareOutputs(root).incomplete, []);
  });
});

describe('the fingerprint of the sources', () => {
  const inputs = [
    'packages/a/src/new.ts',
    'packages/a/tsconfig.test.json',
    'proto/a.proto',
    'packages/a/generate.mjs',
  ];
  for (const path of inputs) {
    it(`changes when ${path} comes, is written, or goes`, () => {
      const without = sourceFingerprint(root);
      put(path, '');
      const first = sourceFingerprint(root);
      utimesSync(join(root, path), 1, 1);
      const written = sourceFingerprint(root);
      assert.equal(new Set([without, first, written]).size, 3);
      rmSync(join(root, path));
      assert.equal(sourceFingerprint(root), without);
    });
  }

  it('does not change with what is built, generated, installed or hidden', () => {
    const before = sourceFingerprint(root);
    for (const folder of ['packages/a/dist', 'generated', 'node_modules/x', '.hidden']) {
      put(`${folder}/x.ts`, '');
    }
    put('README.md', '');
    assert.equal(sourceFingerprint(root), before);
  });
});

describe('the dependencies', () => {
  it('have a fingerprint that changes with the lockfile and with what a package asks for', () => {
    const before = dependencyFingerprint(root);
    put('packages/a/package.json', { name: 'a', dependencies: { x: '1' }, scripts: { s: '' } });
    assert.equal(dependencyFingerprint(root), before, 'a script installs nothing');
    put('packages/a/package.json', { name: 'a', dependencies: { x: '1', y: '2' } });
    const asked = dependencyFingerprint(root);
    put('package-lock.json', lockfile({}));
    assert.equal(new Set([before, asked, dependencyFingerprint(root)]).size, 3);
  });

  it('are installed when npm’s own record says what the lockfile says', () => {
    assert.equal(installMatchesLockfile(root), false, 'nothing is installed');
    const record = { version: '1.0.0', integrity: 'i' };
    put('node_modules/.package-lock.json', { packages: { 'node_modules/x': record } });
    assert.equal(installMatchesLockfile(root), false, 'the folder is not there');
    put('node_modules/x/package.json', {});
    assert.equal(installMatchesLockfile(root), true);
    put('node_modules/.package-lock.json', {
      packages: { 'node_modules/x': { ...record, version: '1.0.1' } },
    });
    assert.equal(installMatchesLockfile(root), false, 'another version');
  });

  it('for another platform need not be there', () => {
    put('package-lock.json', lockfile({ 'node_modules/y': { version: '1.0.0', optional: true } }));
    put('node_modules/.package-lock.json', { packages: {} });
    assert.equal(installMatchesLockfile(root), true);
  });
});
