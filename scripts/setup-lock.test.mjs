import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';

import { takeLock } from './setup-lock.mjs';

let folder;
let path;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'herald-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A process id that nobody has any more. */
async function deadPid() {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'close');
  return child.pid;
}

const noWait = { onWait: (owner) => assert.fail(`waited for ${owner}`) };

describe('the lock of the set-up', () => {
  it('is held by one, names it, and is gone afterwards', async () => {
    const lock = await takeLock(path, noWait);
    assert.match(readFileSync(path, 'utf8'), new RegExp(`^${process.pid} $`, 'm'));
    lock.noteCommand(12345);
    assert.match(readFileSync(path, 'utf8'), new RegExp(`^${process.pid} 12345$`, 'm'));
    lock.release();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('makes the second wait for the first', async () => {
    // A process whose command line names the set-up, as a real owner's does.
    const script = `setup = 1; setInterval(() => {}, 1000); console.log('up')`;
    const owner = spawn(process.execPath, ['--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(owner.stdout, 'data');
    writeFileSync(path, `${owner.pid} \n`);
    const waitedFor = [];
    const onWait = (pid) => {
      waitedFor.push(pid);
      assert.ok(existsSync(path), 'the owner keeps it');
      owner.kill('SIGKILL');
    };
    const lock = await takeLock(path, { onWait });
    assert.deepEqual(waitedFor, [owner.pid]);
    lock.release();
  });

  it('is taken over when its owner is dead', async () => {
    writeFileSync(path, `${await deadPid()} \n`);
    const lock = await takeLock(path, noWait);
    lock.release();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is not taken over while the dead owner’s command still runs', async () => {
    const command = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    writeFileSync(path, `${await deadPid()} ${command.pid}\n`);
    let waited = false;
    const onWait = () => {
      waited = true;
      process.kill(-command.pid, 'SIGKILL');
    };
    const lock = await takeLock(path, { onWait });
    assert.equal(waited, true);
    lock.release();
  });

  it('is given to one of many who find it stale', async () => {
    writeFileSync(path, `${await deadPid()} \n`);
    const script = `
      // setup
      const { takeLock } = await import(${JSON.stringify(new URL('./setup-lock.mjs', import.meta.url).href)});
      const { appendFileSync } = await import('node:fs');
      const lock = await takeLock(process.argv[1], { onWait: () => {} });
      appendFileSync(process.argv[2], 'in\\n');
      await new Promise((resolve) => setTimeout(resolve, 20));
      appendFileSync(process.argv[2], 'out\\n');
      lock.release();
    `;
    const journal = join(folder, 'journal');
    const all = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '--eval', script, path, journal], {
        stdio: ['ignore', 'ignore', 'inherit'],
      }),
    );
    const codes = await Promise.all(all.map(async (child) => (await once(child, 'close'))[0]));
    assert.deepEqual(codes, [0, 0, 0, 0]);
    assert.equal(readFileSync(journal, 'utf8'), 'in\nout\n'.repeat(4), 'never two at once');
    assert.deepEqual(readdirSync(folder), ['journal']);
  });

  it('can be given up', async () => {
    const owner = spawn(process.execPath, ['--eval', 'setup = 1; setInterval(() => {}, 1000)']);
    try {
      writeFileSync(path, `${owner.pid} \n`);
      const interruption = new AbortController();
      const waiting = takeLock(path, {
        signal: interruption.signal,
        onWait: () => interruption.abort(),
      });
      await assert.rejects(waiting, { name: 'AbortError' });
    } finally {
      owner.kill('SIGKILL');
    }
  });
});
