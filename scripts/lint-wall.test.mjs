/** Proves that the wall stands: violations are reported, and the packages agree with the one table. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { ESLint } from 'eslint';

import { repositoryFolder, restrictedDependencies, rooms, whyForbidden } from './lint-wall.mjs';

const inRepository = (path) => join(repositoryFolder, path);
const readJson = (path) => JSON.parse(readFileSync(inRepository(path), 'utf8'));

describe('the wall between the rooms', () => {
  const forbidden = [
    ['packages/core/src/a.ts', '@herald/wire', /no arrow leads from @herald\/core/],
    ['packages/core/src/a.ts', 'node:crypto', /is pure/],
    ['packages/core/src/a.ts', 'fs', /is pure/],
    ['packages/core/src/a.ts', 'zod', /not a dependency/],
    ['packages/core/src/a.ts', 'fast-check', /not a dependency/],
    ['packages/core/src/a.test.ts', 'node:fs', /is pure/],
    ['packages/wire/src/a.ts', '@herald/member', /no arrow/],
    ['packages/member/src/deep/a.ts', '@herald/process', /no arrow/],
    ['packages/member/src/deep/a.ts', '../../../core/src/version.ts', /leaves packages\/member/],
    ['packages/member/src/a.ts', '@herald/member', /relative path/],
    ['packages/client/src/a.ts', '@herald/core/dist/version.js', /reaches into @herald\/core/],
    ['packages/lab/src/a.ts', '@herald/client/dist/client.js', /reaches into @herald\/client/],
    ['packages/client/src/a.ts', 'etcd3', /etcd3 is only for/],
    ['packages/cli/src/a.ts', '@grpc/grpc-js', /only for/],
    ['packages/process/src/a.ts', 'grpc-health-check', /only for/],
    ['packages/simulator/src/a.ts', 'pino', /not a dependency/],
    ['services/gossip-node/src/a.ts', 'etcd3/lib/lease.js', /etcd3 is only for/],
    ['services/gossip-node/src/a.ts', '@herald/elector', /no arrow/],
    ['packages/lab/src/a.ts', '@herald/cli', /no arrow/],
  ];
  for (const [file, specifier, reason] of forbidden) {
    it(`keeps ${specifier} out of ${file}`, () => {
      assert.match(whyForbidden(specifier, inRepository(file)) ?? '', reason);
    });
  }

  const allowed = [
    ['packages/core/src/deep/a.ts', '../version.ts'],
    ['packages/lab/src/a.ts', '@herald/client/grpc'],
    ['packages/core/src/a.test.ts', 'fast-check'],
    ['packages/core/src/a.test.ts', 'node:assert/strict'],
    ['packages/wire/src/a.ts', '@grpc/proto-loader/build/src/index.js'],
    ['packages/member/src/a.ts', '@herald/core'],
    ['services/elector/src/a.ts', 'etcd3'],
    ['packages/lab/src/a.ts', '@herald/elector'],
    ['integration-tests/src/a.test.ts', '@herald/lab'],
    ['packages/process/src/a.ts', 'node:http'],
  ];
  for (const [file, specifier] of allowed) {
    it(`lets ${specifier} into ${file}`, () => {
      assert.equal(whyForbidden(specifier, inRepository(file)), undefined);
    });
  }

  it('has no circle', () => {
    const visit = (name, path) => {
      assert.ok(!path.includes(name), `a circle of arrows: ${[...path, name].join(' → ')}`);
      for (const next of rooms[name].mayImport) visit(next, [...path, name]);
    };
    for (const name of Object.keys(rooms)) visit(name, []);
  });

  it('knows every workspace', () => {
    const folders = Object.values(rooms).map(({ folder }) => folder);
    assert.deepEqual(folders.sort(), [...readJson('package.json').workspaces].sort());
  });

  for (const [name, room] of Object.entries(rooms)) {
    it(`agrees with the package.json and the tsconfig.json of ${name}`, () => {
      const manifest = readJson(`${room.folder}/package.json`);
      assert.equal(manifest.name, name);
      const dependencies = Object.keys({
        ...manifest.dependencies,
        ...manifest.devDependencies,
        ...manifest.peerDependencies,
      });
      const ours = dependencies.filter((dependency) => dependency.startsWith('@herald/'));
      for (const dependency of ours) assert.ok(room.mayImport.includes(dependency), dependency);
      for (const { pattern, rooms: permitted } of restrictedDependencies) {
        const used = dependencies.filter((dependency) => pattern.test(dependency));
        assert.ok(used.length === 0 || permitted.includes(name), `${name} has ${used.join()}`);
      }
      const { references } = readJson(`${room.folder}/tsconfig.json`);
      const referenced = references.map(({ path }) => join('/', room.folder, path));
      assert.deepEqual(
        referenced.sort(),
        ours.map((dependency) => join('/', rooms[dependency].folder)).sort(),
        'tsc builds what the package depends on, and nothing else',
      );
    });
  }
});

describe('the lint configuration', () => {
  const eslint = new ESLint({ cwd: repositoryFolder });

  /** Lints `code` as if it stood in `file`, which exists so that the type checker knows its project. */
  async function rulesBrokenBy(code, file) {
    assert.ok(existsSync(inRepository(file)), `${file} exists`);
    const [result] = await eslint.lintText(code, { filePath: inRepository(file) });
    assert.ok(
      result.messages.every(({ fatal }) => fatal !== true),
      JSON.stringify(result.messages),
    );
    return new Set(result.messages.map(({ ruleId }) => ruleId));
  }

  const core = 'packages/core/src/index.ts';
  const lab = 'packages/lab/src/etcd/etcd-flags.ts';
  const violations = [
    [core, 'export const now = (): number => Date.now();', 'no-restricted-globals'],
    [core, 'export const luck = (): number => Math.random();', 'no-restricted-properties'],
    [core, 'const { random } = Math;\nexport const luck = random;', 'no-restricted-properties'],
    [core, 'setTimeout(() => undefined, 1);', 'no-restricted-globals'],
    [core, 'export const id = process.pid;', 'no-restricted-globals'],
    [core, 'export const x = globalThis;', 'no-restricted-globals'],
    [core, "export const x = import('./version.ts');", 'no-restricted-syntax'],
    [core, 'export const where = import.meta.url;', 'no-restricted-syntax'],
    [core, "import 'node:fs';", 'herald/rooms'],
    [core, "export type { Server } from 'node:http';", 'herald/rooms'],
    [core, "export type Server = import('node:http').Server;", 'herald/rooms'],
    [core, "export * from './version.ts';", 'no-restricted-syntax'],
    ['packages/simulator/src/index.ts', 'export const t = Date.now();', 'no-restricted-properties'],
    ['services/elector/src/index.ts', 'export const t = Date.now();', 'no-restricted-properties'],
    ['packages/client/src/index.ts', "import 'etcd3';", 'herald/rooms'],
    // member-set.ts imports etcd-flags.ts, in whose place this stands.
    [
      lab,
      "import { processMembers } from './member-set.ts';\nprocessMembers;",
      'import-x/no-cycle',
    ],
    [lab, 'export default 1;', 'no-restricted-syntax'],
    [
      lab,
      'const work = async (): Promise<void> => {};\nwork();',
      '@typescript-eslint/no-floating-promises',
    ],
  ];
  for (const [file, code, rule] of violations) {
    it(`reports ${rule} for ${JSON.stringify(code)} in ${file}`, async () => {
      assert.ok((await rulesBrokenBy(code, file)).has(rule));
    });
  }

  it('accepts what is right', async () => {
    assert.deepEqual(await rulesBrokenBy('export const one = 1;\n', core), new Set());
    assert.deepEqual(
      await rulesBrokenBy(
        "import { describe, it } from 'node:test';\n\ndescribe('a', () => {\n  it('b', () => undefined);\n});\n",
        'packages/lab/src/etcd/etcd-flags.test.ts',
      ),
      new Set(),
    );
  });
});
