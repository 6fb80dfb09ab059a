/**
 * Makes a fresh clone ready to run: dependencies, build, an etcd to be had (with `--etcd-programs`, as for the tests: the
 * programs, since no container will do). It stands before `npm start`, `npm test` and `npm run bench`, needs nothing but Node and npm, says what it does, and takes a fraction
 * of a second when nothing is to do.
 *
 * Each step leaves its mark (node_modules/.herald-setup.json) only after it has succeeded, and the mark is
 * taken away before the step begins, so that a set-up which was interrupted anywhere is simply redone.
 */
import { spawn } from 'node:child_process';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const NODE_VERSION_MIN = [20, 19];

/** How long a command may take to end after a signal before it is killed. */
const STOP_GRACE_MS = 5_000;

class CommandFailed extends Error {
  /** `output` is what it said; undefined if that was shown as it came. */
  constructor(words, code, signal, output) {
    super(`"${words.join(' ')}" ended with ${signal ?? `exit code ${code}`}`);
    this.exitCode = code ?? 1;
    this.output = output;
  }
}

checkNode();
// Only now: these may use what an older Node does not have.
const { takeLock } = await import('./setup-lock.mjs');
const {
  compareOutputs,
  dependencyFingerprint,
  forgetBuild,
  installMatchesLockfile,
  readJson,
  repositoryFolder: root,
  sourceFingerprint,
} = await import('./source-tree.mjs');

const markPath = join(root, 'node_modules', '.herald-setup.json');
const etcdCheck = join(root, 'packages', 'lab', 'dist', 'etcd', 'ensure-main.js');

/** Aborted by the first signal; its reason is the signal's name. */
const interruption = new AbortController();
let lock;
let command;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupt);

try {
  await setUp();
} catch (error) {
  // A command whose output was shown has said why it failed, and its exit code tells what kind it was.
  const isExplained = error instanceof CommandFailed && error.output === undefined;
  if (!interruption.signal.aborted && !isExplained) say(error.message);
  process.exitCode = isExplained ? error.exitCode : 1;
} finally {
  lock?.release();
}
if (interruption.signal.aborted) {
  // Die of the signal, as whoever sent it expects; our own handlers are no longer needed.
  process.removeAllListeners(interruption.signal.reason);
  process.kill(process.pid, interruption.signal.reason);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [majorMin, minorMin] = NODE_VERSION_MIN;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  console.error(
    `setup: Herald needs Node ${majorMin}.${minorMin} or later; this is ${process.versions.node}`,
  );
  process.exit(1);
}

async function setUp() {
  if (needsInstall() || needsBuild()) {
    lock = await takeLock(join(root, '.setup.lock'), {
      signal: interruption.signal,
      onWait: (owner) => say(`waiting for another set-up (process ${owner})`),
    });
    // Whoever held the lock may have done all of it.
    if (needsInstall()) await install();
    if (needsBuild()) await build();
  }
  await run([process.execPath, etcdCheck, ...process.argv.slice(2)], { output: 'inherit' });
}

function needsInstall() {
  return (
    !existsSync(join(root, 'node_modules')) ||
    readMark().dependencies !== dependencyFingerprint(root)
  );
}

async function install() {
  const dependencies = dependencyFingerprint(root);
  if (!installMatchesLockfile(root)) {
    // No package of ours needs its install script; without them no compiler is needed either.
    await step('installing the dependencies (npm ci)', () =>
      run([...npm(), 'ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund']),
    );
  }
  writeMark({ dependencies });
}

function needsBuild() {
  if (readMark().sources !== sourceFingerprint(root)) return true;
  const { stale, incomplete } = compareOutputs(root);
  return stale.length > 0 || incomplete.length > 0;
}

async function build() {
  const { dependencies } = readMark();
  writeMark({ dependencies });
  const sources = sourceFingerprint(root);
  for (const workspace of compareOutputs(root).incomplete) forgetBuild(root, workspace);
  await step('building (npm run build)', () => run([...npm(), 'run', 'build']));
  const { stale, incomplete } = compareOutputs(root);
  for (const path of stale) rmSync(path);
  if (stale.length > 0) say(`removed ${stale.length} outputs of sources that are gone`);
  if (incomplete.length > 0)
    throw new Error(`the build left out parts of ${incomplete.join(', ')}`);
  writeMark({ dependencies, sources });
}

function readMark() {
  try {
    return readJson(markPath);
  } catch {
    return {}; // not there, or cut short: either way there is no mark
  }
}

function writeMark(mark) {
  const draft = `${markPath}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(mark));
  renameSync(draft, markPath);
}

/** The npm that runs us, else the one on the PATH. */
function npm() {
  const running = process.env.npm_execpath;
  const isNpm = running !== undefined && basename(running) === 'npm-cli.js' && existsSync(running);
  return isNpm ? [process.execPath, running] : ['npm'];
}

/** Our own environment without what npm tells the script that it runs: it is not meant for another npm. */
function plainEnvironment() {
  const told = /^npm_(lifecycle|package|command)|^npm_config_(workspaces?|global|local_prefix)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !told.test(name)));
}

/** Runs a command in a process group of its own. Its output is shown as it comes, or only if it fails. */
function run([file, ...args], { output = 'on failure' } = {}) {
  interruption.signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const streams = output === 'inherit' ? 'inherit' : 'pipe';
    const child = spawn(file, args, {
      cwd: root,
      env: plainEnvironment(),
      stdio: ['ignore', streams, streams],
      detached: true,
    });
    command = child;
    if (child.pid !== undefined) lock?.noteCommand(child.pid);
    const said = output === 'inherit' ? undefined : [];
    child.stdout?.on('data', (chunk) => said.push(chunk));
    child.stderr?.on('data', (chunk) => said.push(chunk));
    child.once('error', (error) => reject(new Error(`${file} cannot be run: ${error.message}`)));
    child.once('close', (code, signal) => {
      command = undefined;
      lock?.noteCommand();
      if (code === 0) resolve();
      else reject(new CommandFailed([file, ...args], code, signal, said && Buffer.concat(said)));
    });
  });
}

async function step(what, work) {
  const startedMs = performance.now();
  process.stderr.write(`setup: ${what} … `);
  try {
    await work();
  } catch (error) {
    process.stderr.write(interruption.signal.aborted ? 'interrupted\n' : 'failed\n');
    if (!interruption.signal.aborted) process.stderr.write(error.output ?? '');
    throw error;
  }
  process.stderr.write(`${((performance.now() - startedMs) / 1000).toFixed(1)} s\n`);
}

function say(message) {
  console.error(`setup: ${message}`);
}

/**
 * Ends the command that runs, and with it us: the step fails, no mark was left, the lock is released. A
 * second signal, or a command that does not end, makes it SIGKILL.
 */
function interrupt(signal) {
  const again = interruption.signal.aborted;
  interruption.abort(signal);
  endCommand(again ? 'SIGKILL' : signal);
  if (!again) setTimeout(() => endCommand('SIGKILL'), STOP_GRACE_MS).unref();
}

function endCommand(signal) {
  if (command?.pid === undefined) return;
  try {
    process.kill(-command.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // it ended a moment ago
  }
}
