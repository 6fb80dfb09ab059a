import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { ProcessError } from './process-error.ts';
import { createReloadMeter, reloadOnHangup, WatchedFiles } from './watched-file.ts';
import type { ReloadOutcome, WatchedFilesOptions } from './watched-file.ts';

/** A folder of its own, and what a watch of files in it does. */
async function stage() {
  const folder = await mkdtemp(join(tmpdir(), 'herald-watched-file-'));
  const used: Readonly<Record<string, string>>[] = [];
  const outcomes: ReloadOutcome[] = [];
  const lines: string[] = [];
  const opened: Disposable[] = [];
  const log = (fields: object, message: string): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  return {
    ...{ folder, used, outcomes, lines },
    path: (name: string) => join(folder, name),
    write: (name: string, contents: string) => writeFile(join(folder, name), contents),
    /** Watches `names`; contents that hold `bad` are refused. */
    watch: async (names: readonly string[], more: Partial<WatchedFilesOptions<string>> = {}) => {
      const watched = await WatchedFiles.open<string>({
        what: 'sample',
        files: Object.fromEntries(
          names.map((name) => [name, { option: `--${name}`, path: join(folder, name) }]),
        ),
        use: (contents) => {
          if (Object.values(contents).some((each) => each.includes('bad'))) {
            throw new Error('must not be bad; make another');
          }
          used.push(contents);
        },
        logger: { info: log, error: log } as unknown as WatchedFilesOptions<string>['logger'],
        count: (what, outcome) => {
          assert.equal(what, 'sample');
          outcomes.push(outcome);
        },
        intervalMs: 5,
        ...more,
      });
      opened.push(watched);
      return watched;
    },
    [Symbol.asyncDispose]: () => {
      for (const watched of opened) watched[Symbol.dispose]();
      return rm(folder, { recursive: true });
    },
  };
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 15_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** An interval that no test lives to see the end of: only `reload` looks. */
const never = { intervalMs: 2 ** 30 };

test('contents are in force when the promise resolves, and replaced ones soon after', async () => {
  await using here = await stage();
  await here.write('keys', 'one');
  await here.watch(['keys']);
  assert.deepEqual(here.used, [{ keys: 'one' }]);
  await here.write('keys', 'two!');
  await until('the new contents', () => here.used.at(-1)?.['keys'] === 'two!');
  assert.ok(here.lines.some((line) => line.startsWith('sample: replaced')));
});

test('a rename over the name and the swap of a symbolic link are seen', async () => {
  await using here = await stage();
  await here.write('first', 'one');
  await here.write('second', 'two');
  await here.write('third', 'six');
  await symlink(here.path('first'), here.path('keys'));
  // What tells them apart is which file it is: size and time are the same.
  for (const name of ['first', 'second', 'third']) await utimes(here.path(name), 1, 1);
  const watched = await here.watch(['keys'], never);
  await symlink(here.path('second'), here.path('next'));
  await rename(here.path('next'), here.path('keys'));
  assert.equal(await watched.reload(), true);
  await rename(here.path('third'), here.path('keys'));
  assert.equal(await watched.reload(), true);
  assert.deepEqual(here.used, [{ keys: 'one' }, { keys: 'two' }, { keys: 'six' }]);

  await here.watch(['second']);
  await symlink(here.path('first'), here.path('next'));
  await rename(here.path('next'), here.path('second'));
  await until('the poll to see it', () => here.used.at(-1)?.['second'] === 'one');
});

test('refused contents leave the old in force, are counted and told of once, and can be mended', async () => {
  await using here = await stage();
  await here.write('keys', 'one');
  const watched = await here.watch(['keys'], never);
  await here.write('keys', 'bad');
  assert.equal(await watched.reload(), false);
  assert.deepEqual(here.outcomes, ['refused']);
  assert.match(here.lines.join('\n'), /the old stay in force.*--keys .*must not be bad; make an/);
  await here.write('keys', 'two');
  assert.equal(await watched.reload(), true);
  assert.deepEqual(here.outcomes, ['refused', 'replaced']);
  assert.deepEqual(here.used, [{ keys: 'one' }, { keys: 'two' }]);

  await here.watch(['keys']);
  await here.write('keys', 'bad again');
  await until('the refusal', () => here.outcomes.length === 3);
  await here.write('keys', 'good again');
  await until('the repair', () => here.outcomes.length === 4);
  assert.deepEqual(here.outcomes.slice(2), ['refused', 'replaced']);
});

test('a file that vanishes leaves the old in force until it is there again', async () => {
  await using here = await stage();
  await here.write('keys', 'one');
  const watched = await here.watch(['keys'], never);
  await rm(here.path('keys'));
  assert.equal(await watched.reload(), false);
  assert.match(here.lines.join('\n'), /cannot be read: ENOENT/);
  await here.write('keys', 'one');
  assert.equal(await watched.reload(), false, 'the same contents are in force already');
  assert.deepEqual(here.outcomes, ['refused']);
  assert.equal(here.used.length, 1);
});

test('files that belong together are handed over together', async () => {
  await using here = await stage();
  await here.write('key', 'k1');
  await here.write('cert', 'c1');
  const pairs: string[] = [];
  const watched = await here.watch(['key', 'cert'], {
    ...never,
    use: ({ key = '', cert = '' }) => {
      if (key.at(-1) !== cert.at(-1)) throw new Error('do not belong together');
      pairs.push(key + cert);
    },
  });
  await here.write('key', 'k2');
  assert.equal(await watched.reload(), false);
  await here.write('cert', 'c2');
  assert.equal(await watched.reload(), true);
  assert.deepEqual(pairs, ['k1c1', 'k2c2']);
  assert.match(here.lines.join('\n'), /--key .*key, --cert .*cert: do not belong together/);
});

test('what cannot be used at the start is bad configuration that names option and file', async () => {
  await using here = await stage();
  await here.write('bad', 'bad');
  await here.write('large', 'x'.repeat(1_048_577));
  for (const [name, message] of [
    ['missing', /^--missing .*missing: cannot be read: ENOENT/],
    ['bad', /^--bad .*bad: must not be bad; make another$/],
    ['large', /^--large .*large: must be at most 1048576 bytes long, got 1048577$/],
    ['.', /^--\. .*: must be a regular file/],
  ] as const) {
    await assert.rejects(here.watch([name]), (error) => {
      assert.ok(error instanceof ProcessError);
      assert.equal(error.code, 'BAD_CONFIGURATION');
      assert.match(error.message, message);
      return true;
    });
  }
});

test('nothing is put into force after the end', async () => {
  await using here = await stage();
  await here.write('keys', 'one');
  const watched = await here.watch(['keys'], never);
  await here.write('keys', 'two');
  const late = watched.reload();
  watched[Symbol.dispose]();
  assert.equal(await late, false);
  assert.equal(await watched.reload(), false);
  assert.equal(here.used.length, 1);
});

test('SIGHUP reloads, until it is disposed of', async () => {
  let asked = 0;
  const reload = (): Promise<boolean> => {
    asked++;
    return Promise.resolve(true);
  };
  const before = process.listenerCount('SIGHUP');
  const hangup = reloadOnHangup([{ reload }, { reload }]);
  process.kill(process.pid, 'SIGHUP');
  await until('both to be asked', () => asked === 2);
  hangup[Symbol.dispose]();
  assert.equal(process.listenerCount('SIGHUP'), before);
});

test('reloads are a metric', async () => {
  const registry = new Registry();
  const count = createReloadMeter(registry);
  count('trusted keys', 'replaced');
  count('trusted keys', 'refused');
  count('trusted keys', 'refused');
  const text = await registry.metrics();
  assert.match(text, /herald_reloads_total\{what="trusted keys",outcome="replaced"\} 1/);
  assert.match(text, /herald_reloads_total\{what="trusted keys",outcome="refused"\} 2/);
});
