import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { waitUntil } from './process/wait-until.ts';

const script = fileURLToPath(new URL('./main.js', import.meta.url));
const startMs = 60_000;
const goneMs = 15_000;
/** Etcd, three electors, a worker and the lab. */
const processesOfLab = 6;
const onlyLinux = process.platform === 'linux' ? false : 'finds processes through /proc';

interface RunningLab {
  readonly process: ChildProcess;
  readonly folder: string;
  /** What it has printed so far. */
  readonly printed: () => string;
  /** Processes that it started, itself included, however they are related to it now. */
  readonly processes: () => Promise<readonly number[]>;
}

/** Runs the lab with a folder of its own for temporary files, and a mark that all its children bear. */
async function withLab(
  args: readonly string[],
  use: (lab: RunningLab) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-lab-test-'));
  const mark = `LAB_TEST_MARK=${randomUUID()}`;
  const [name = '', value = ''] = mark.split('=');
  const child = spawn(process.execPath, [script, '--nodes', '10', ...args], {
    env: { ...process.env, [name]: value, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  const processes = () => processesWith(mark);
  try {
    await use({ process: child, folder, printed: () => printed, processes });
    await waitUntil(
      'every process of the lab to be gone',
      async () => (await processes()).length === 0,
      { timeoutMs: goneMs },
    );
    await waitUntil(
      'every temporary file of the lab to be gone',
      async () => (await readdir(folder)).length === 0,
      { timeoutMs: goneMs },
    );
  } finally {
    for (const pid of await processes()) process.kill(pid, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

async function processesWith(mark: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const marked = await Promise.all(
    pids.map(async (pid) => {
      // It may end while we look, or be somebody else's.
      const env = await readFile(`/proc/${String(pid)}/environ`, 'utf8').catch(() => '');
      return env.split('\0').includes(mark) ? [pid] : [];
    }),
  );
  return marked.flat();
}

function untilPrinted(lab: RunningLab, text: string): Promise<unknown> {
  return waitUntil(`the lab to print "${text}"`, () => lab.printed().includes(text), {
    timeoutMs: startMs,
  });
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

test(
  'killed while it starts, a lab leaves no process and no file',
  { skip: onlyLinux },
  async () => {
    await withLab([], async (lab) => {
      await waitUntil('its first children', async () => (await lab.processes()).length >= 3, {
        timeoutMs: startMs,
      });
      lab.process.kill('SIGKILL');
      await exitOf(lab.process);
    });
  },
);

test(
  'killed while it is up, a lab leaves no process and no file',
  { skip: onlyLinux },
  async () => {
    await withLab([], async (lab) => {
      await untilPrinted(lab, '2. A client asks');
      assert.ok((await lab.processes()).length >= processesOfLab);
      assert.ok((await readdir(lab.folder)).length > 0, 'etcd has its data there');
      lab.process.kill('SIGKILL');
      await exitOf(lab.process);
    });
  },
);

test(
  'Ctrl-C ends a lab in good order, within five seconds, whatever it is at',
  { skip: onlyLinux },
  async () => {
    await withLab([], async (lab) => {
      await untilPrinted(lab, '3. The leader is killed');
      const askedMs = performance.now();
      lab.process.kill('SIGINT');
      assert.equal(await exitOf(lab.process), 0, lab.printed());
      assert.ok(performance.now() - askedMs < 5_000);
    });
  },
);

test(
  'a second Ctrl-C ends it at once, and it leaves nothing either',
  { skip: onlyLinux },
  async () => {
    await withLab([], async (lab) => {
      await untilPrinted(lab, '2. A client asks');
      // Stopped electors cannot step down, so that the first Ctrl-C alone would take its time.
      const children = (await lab.processes()).filter((pid) => pid !== lab.process.pid);
      for (const pid of children) process.kill(pid, 'SIGSTOP');
      lab.process.kill('SIGINT');
      const again = setInterval(() => lab.process.kill('SIGINT'), 200);
      const code = await exitOf(lab.process);
      clearInterval(again);
      assert.equal(code, 130, lab.printed());
      for (const pid of await lab.processes()) process.kill(pid, 'SIGCONT');
    });
  },
);

test(
  '--once shows the main job, writes the report, and ends with 0',
  { skip: onlyLinux },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'herald-lab-report-'));
    const json = join(folder, 'report.json');
    try {
      await withLab(['--once', '--ttl', '2s', '--json', json], async (lab) => {
        assert.equal(await exitOf(lab.process), 0, lab.printed());
        assert.ok(!lab.printed().includes('\u001b'), 'plain text when not to a terminal');
      });
      const report = JSON.parse(await readFile(json, 'utf8')) as Record<string, unknown>;
      assert.deepEqual(Object.keys(report), [
        'nodes',
        'electors',
        'etcd',
        'startup',
        'changes',
        'client',
        'idle',
        'members',
      ]);
      const changes = report['changes'] as { cause: string; reached: number }[];
      assert.deepEqual(
        changes.map(({ cause, reached }) => [cause, reached]),
        [
          ['elected', 10],
          ['crash', 10],
          ['step-down', 10],
        ],
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
