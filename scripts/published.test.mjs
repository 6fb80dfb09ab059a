import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

import { installAll, packAll, publishedFolders } from './published.mjs';
import { repositoryFolder as root } from './source-tree.mjs';

const run = promisify(execFile);
const programs = join(root, 'scripts', 'published');

let folder;
let project;
let packed;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'herald-published-'));
  project = join(folder, 'project');
  mkdirSync(project);
  packed = await packAll(folder);
  await installAll(packed, folder, project, ['@opentelemetry/api', '@types/node']);
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the tarballs', () => {
  it('hold what is loaded at run time and the licence, and no tests', () => {
    for (const { name, files } of packed) {
      const paths = files.map(({ path }) => path);
      for (const needed of ['package.json', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']) {
        assert.ok(paths.includes(needed), `${name} lacks ${needed}`);
      }
      const unwanted = paths.filter((path) =>
        /\.test\.|test-support|fixture|tsbuildinfo|stamp$/.test(path),
      );
      assert.deepEqual(unwanted, [], name);
    }
    const wire = packed.find(({ name }) => name === '@herald/wire');
    const generated = wire.files
      .map(({ path }) => path)
      .filter((path) => /^generated\//.test(path));
    assert.ok(generated.includes('generated/descriptor.bin'));
    assert.ok(generated.includes('generated/proto/herald/v1/node.proto'));
  });

  it('hold what source maps point to', () => {
    for (const { name, files } of packed) {
      const paths = new Set(files.map(({ path }) => path));
      for (const path of paths) {
        if (!path.endsWith('.js.map')) continue;
        const source = path.replace(/^dist\//, 'src/').replace(/\.js\.map$/, '.ts');
        assert.ok(paths.has(source), `${name}: ${path} points to nothing`);
      }
    }
  });

  it('name no place of the machine that they were packed on', () => {
    for (const { name } of packed) {
      const text = readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8');
      assert.ok(!text.includes(root), name);
      assert.ok(!/"(repository|resolved|_where)"/.test(text), name);
    }
  });

  it('carry the licence of the repository', () => {
    const licence = readFileSync(join(root, 'LICENSE'), 'utf8');
    for (const published of publishedFolders) {
      assert.equal(readFileSync(join(root, published, 'LICENSE'), 'utf8'), licence, published);
    }
  });

  it('are installed as they are, and not linked', () => {
    for (const { name } of packed) {
      assert.ok(!existsSync(join(project, 'node_modules', name, 'src', 'index.test.ts')), name);
    }
  });
});

const outcome = {
  isFound: true,
  greeting: 'who calls knows epoch 7',
  isTyped: true,
  code: 'INVALID_ARGUMENT',
  workedAt: 'two.test:80',
};

describe('a program that installed them', () => {
  for (const program of ['program.mjs', 'program.cjs']) {
    it(`finds and calls the leader, without a word from Node: ${program}`, async () => {
      cpSync(programs, project, { recursive: true });
      const { stderr, stdout } = await run(process.execPath, [program], {
        cwd: project,
        timeout: 60_000,
      });
      assert.deepEqual(JSON.parse(stdout), outcome);
      assert.equal(stderr, '');
    });
  }

  it('needs the optional peer only for the entry that uses it', async () => {
    const peer = join(project, 'node_modules', '@opentelemetry');
    const entries = ['@herald/client', '@herald/client/grpc', '@herald/client/testing'];
    const load = (names) => {
      const code = names.map((name) => `require('${name}');`).join('');
      return run(process.execPath, ['-e', code], { cwd: project, timeout: 60_000 });
    };
    renameSync(peer, `${peer}-away`);
    try {
      await load(entries);
      await assert.rejects(load(['@herald/client/opentelemetry']), /@opentelemetry\/api/);
    } finally {
      renameSync(`${peer}-away`, peer);
    }
  });
});

/** What a strict project says of `files`, its libraries checked as well. */
async function compile(name, compilerOptions, files = ['types.mts', 'types.cts']) {
  const config = join(project, `tsconfig.${name}.json`);
  const strict = { strict: true, noEmit: true, skipLibCheck: false, types: ['node'] };
  const options = { target: 'es2023', lib: ['es2023', 'esnext.disposable'], ...strict };
  writeFileSync(
    config,
    JSON.stringify({ compilerOptions: { ...options, ...compilerOptions }, files }),
  );
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    await run(process.execPath, [tsc, '-p', config], { cwd: project, timeout: 120_000 });
    return '';
  } catch (error) {
    return error.stdout;
  }
}

describe('a TypeScript project that installed them', () => {
  before(() => {
    cpSync(programs, project, { recursive: true });
    cpSync(join(programs, 'types.mts'), join(project, 'types.cts'));
    cpSync(join(programs, 'tickets.d.mts'), join(project, 'tickets.d.ts'));
  });

  // The oldest and the newest rules; what lies between has none of its own for what is used here.
  for (const module of ['node16', 'nodenext']) {
    it(`is type-checked as ES module and as CommonJS: module ${module}`, async () => {
      assert.equal(await compile(module, { module }), '');
    });
  }

  it('is type-checked for a bundler', async () => {
    const options = { module: 'preserve', moduleResolution: 'bundler' };
    assert.equal(await compile('bundler', options), '');
  });

  it('can be written as docs/GRPC.md says', async () => {
    const page = readFileSync(join(root, 'docs', 'GRPC.md'), 'utf8');
    const snippets = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
    assert.ok(snippets.length >= 2);
    const files = snippets.map((code, index) => {
      writeFileSync(join(project, `snippet-${index}.mts`), code);
      return `snippet-${index}.mts`;
    });
    assert.equal(await compile('snippets', { module: 'nodenext' }, files), '');
  });
});
