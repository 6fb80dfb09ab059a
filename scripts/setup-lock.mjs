/**
 * Lets one set-up at a time work in a tree. The lock is a file that names its owner and the command that
 * the owner runs; it is stale, and taken over, only when neither is alive any more: an `npm ci` that
 * outlives a killed set-up must not be joined by a second one.
 */
import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 200;

/** A set-up takes a minute or two; whoever waits this long should be told who holds the lock. */
const WAIT_MS_MAX = 15 * 60_000;

/** Takes the lock at `path`; `onWait` is told once, with the owner's process id, if it has to wait. */
export async function takeLock(path, { onWait, signal }) {
  const deadlineMs = performance.now() + WAIT_MS_MAX;
  let told = false;
  while (!tryToTake(path)) {
    const holder = readHolder(path);
    if (holder === undefined) continue; // released between the two looks
    if (isStale(holder)) {
      removeStale(path, holder);
      continue;
    }
    if (performance.now() >= deadlineMs) {
      throw new Error(
        `another set-up (process ${holder.owner}) has held ${path} for too long; ` +
          'end it, or remove the file if there is none',
      );
    }
    if (!told) onWait(holder.owner);
    told = true;
    await delay(POLL_MS, undefined, { signal });
  }
  return {
    /** Notes the command that runs on our behalf, or that none does. */
    noteCommand: (pid) => writeFileSync(path, describe(pid)),
    release: () => rmSync(path, { force: true }),
  };
}

const describe = (command) => `${process.pid} ${command ?? ''}\n`;

function tryToTake(path) {
  // Written beside and linked into place, so that the lock is never seen empty.
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, describe());
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft);
  }
}

function readHolder(path) {
  try {
    const text = readFileSync(path, 'utf8');
    const [owner, command] = text.trim().split(' ').map(Number);
    return { text, owner, command };
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The command is a group of its own (npm starts others), so the whole group must be gone. */
function isStale({ owner, command }) {
  if (isAlive(owner) && isSetup(owner)) return false;
  return !(command > 0 && isAlive(-command));
}

function isAlive(pid) {
  if (!Number.isInteger(pid) || pid === 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** After a restart of the machine the owner's id may be somebody else's. */
function isSetup(pid) {
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).includes(
      'setup',
    );
  } catch {
    return true; // there is no `ps`: rather wait in vain than work in a tree where another does
  }
}

/**
 * Moves the stale lock away. Another waiter may have replaced it a moment ago; then what was moved is
 * its live lock, and it is put back.
 */
function removeStale(path, holder) {
  const grave = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, grave);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  try {
    if (readFileSync(grave, 'utf8') !== holder.text) linkSync(grave, path);
  } finally {
    rmSync(grave);
  }
}
