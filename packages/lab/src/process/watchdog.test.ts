import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';

import { processRuns } from './proc-fs.ts';
import { waitUntil } from './wait-until.ts';
import { watchOver } from './watchdog.ts';

/** A watchdog acts within milliseconds; the deadline is for a loaded machine. */
const DEADLINE_MS = 15_000;

/**
 * A process that owns a folder, a released folder, and a child with a child of its own (one group). It
 * prints what it started, again whenever its watchdog is another one.
 */
const OWNER = `
  const { superviseProcess } = await import(${moduleUrl('./supervised-process.js')});
  const { watchdogPid, watchOver } = await import(${moduleUrl('./watchdog.js')});
  const { mkdirSync, writeFileSync } = await import('node:fs');
  const folder = process.argv[1];
  watchOver({ kind: 'directory', path: folder });
  const released = watchOver({ kind: 'directory', path: folder + '-released' });
  mkdirSync(folder);
  mkdirSync(folder + '-released');
  released.release();
  writeFileSync(folder + '/file', '');
  const child = superviseProcess({
    name: 'parent', command: 'sh', args: ['-c', 'sleep 1000 & echo $!; wait'],
    onLine: (line) => {
      let told;
      setInterval(() => {
        const watchdog = watchdogPid();
        if (watchdog === told || watchdog === undefined) return;
        told = watchdog;
        console.log(JSON.stringify({ pid: child.pid, grandchild: Number(line), watchdog }));
      }, 10);
    },
  });
`;

interface Owned {
  readonly pid: number;
  readonly grandchild: number;
  readonly watchdog: number;
}

function moduleUrl(path: string): string {
  return JSON.stringify(new URL(path, import.meta.url).href);
}

async function allRun(...pids: number[]): Promise<boolean> {
  return (await Promise.all(pids.map(processRuns))).every(Boolean);
}

async function noneRuns(...pids: number[]): Promise<boolean> {
  return !(await Promise.all(pids.map(processRuns))).some(Boolean);
}

/** Runs `body` with an owner and the folder it owns; leaves neither behind, however it ends. */
async function withOwner(
  body: (owner: ChildProcess, told: AsyncIterator<string>, folder: string) => Promise<void>,
): Promise<void> {
  const base = await mkdtemp(join(tmpdir(), 'herald-watchdog-'));
  const folder = join(base, 'owned');
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', OWNER, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await body(owner, createInterface({ input: owner.stdout })[Symbol.asyncIterator](), folder);
  } finally {
    owner.kill('SIGKILL');
    await rm(base, { recursive: true, force: true });
  }
}

async function nextOwned(told: AsyncIterator<string>): Promise<Owned> {
  const line = await told.next();
  assert.ok(line.done !== true, 'the owner ended before it told what it started');
  return JSON.parse(line.value) as Owned;
}

describe('the watchdog', () => {
  for (const end of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const) {
    it(`leaves nothing of what a process owned that ends with ${end}`, async () => {
      await withOwner(async (owner, told, folder) => {
        const owned = await nextOwned(told);
        assert.ok(await allRun(owned.pid, owned.grandchild, owned.watchdog));
        assert.ok(existsSync(folder));
        owner.kill(end);
        await waitUntil(
          'process, grandchild, directory and the watchdog itself to be gone',
          async () =>
            (await noneRuns(owned.pid, owned.grandchild, owned.watchdog)) && !existsSync(folder),
          { timeoutMs: DEADLINE_MS },
        );
        assert.ok(existsSync(`${folder}-released`), 'what was released is left alone');
      });
    });
  }

  it('does nothing while its owner lives, and is replaced when it is killed itself', async () => {
    await withOwner(async (owner, told, folder) => {
      const first = await nextOwned(told);
      process.kill(first.watchdog, 'SIGKILL');
      const second = await nextOwned(told);
      assert.notEqual(second.watchdog, first.watchdog);
      assert.ok((await allRun(first.pid)) && existsSync(folder));
      owner.kill('SIGKILL');
      await waitUntil(
        'process and directory to be gone',
        async () => (await noneRuns(first.pid)) && !existsSync(folder),
        { timeoutMs: DEADLINE_MS },
      );
    });
  });

  it('refuses a duty that its lines cannot hold', () => {
    assert.throws(() => watchOver({ kind: 'directory', path: '/tmp/a\tb' }), TypeError);
  });
});
