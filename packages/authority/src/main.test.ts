/** The process: what it is told wrongly is refused before anything is written. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('main.js', import.meta.url));

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env: {} }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe('herald-authority', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'herald-authority-'));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  const named = ['--cluster', 'demo', '--elector', 'a'];

  it('writes all of it, says so, and says no secret', async () => {
    const out = join(folder, 'keys');
    const first = await run(...named, '--etcd', 'etcd-1', '--out', out);
    assert.equal(first.exitCode, 0, first.stderr);
    assert.match(first.stdout, /certificates and keys made/);
    assert.doesNotMatch(first.stdout, /BEGIN/);
    const folders = ['a', 'authority', 'client', 'etcd-1', 'node', 'operator'];
    assert.deepEqual((await readdir(out)).sort(), folders);
    const again = await run(...named, '--etcd', 'etcd-1', '--out', out);
    assert.match(again.stdout, /all is there/);
  });

  for (const [what, args, rule] of [
    ['names that are one folder', ['--elector', 'node'], /--elector, --etcd: node is the name/],
    ['the same name twice', ['--elector', 'b', '--etcd', 'b'], /b is the name of two/],
    ['a host that is none', ['--etcd', '../etcd'], /--etcd: must be a host name/],
    ['no time at all', ['--days', '0'], /--days/],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const out = join(folder, 'refused');
      const { exitCode, stderr } = await run(...named, ...args, '--out', out);
      assert.equal(exitCode, 2);
      assert.match(stderr, rule);
      await assert.rejects(readdir(out), { code: 'ENOENT' });
    });
  }

  it('says where it cannot write', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const { exitCode, stderr } = await run(...named, '--out', file);
    assert.equal(exitCode, 1);
    assert.ok(stderr.includes(`--out ${file}: `), stderr);
  });
});
