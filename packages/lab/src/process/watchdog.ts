/**
 * Decides what is left of the lab when the lab's own process is gone: nothing.
 *
 * A process that is killed with SIGKILL cannot clean up after itself, so a watchdog does: one tiny
 * `sh` in a session of its own, which holds the read end of a pipe whose write end only we have.
 * When we end, for whatever reason, the pipe reaches end of file, and the watchdog does the duties
 * that it was given last: kill process groups, remove containers, networks and directories. While
 * we live it does nothing and costs about a megabyte, whatever the number of children.
 *
 * Each message is one line that holds *all* duties, newest first, so that the state in the shell is
 * the last complete line and a write cut short by our death changes nothing.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';

export type Duty =
  /** Kill the process group that this process leads (it was spawned `detached`). */
  | { readonly kind: 'process'; readonly pid: number }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'container'; readonly name: string }
  | { readonly kind: 'network'; readonly name: string };

/** A duty the watchdog has taken on. Once what it stands for is gone, `release` it. */
export interface Watch {
  release(): void;
}

const SEPARATOR = '\t';

/**
 * `rm` is repeated because a process that was just killed may still be writing its last file:
 * 50 × 0.1 s is far more than the kernel needs to end one.
 */
const WATCHDOG_SCRIPT = `
trap '' HUP INT TERM PIPE
duties=
while IFS= read -r line; do duties=$line; done
IFS=$(printf '\\t')
set -f
for duty in $duties; do
  value=\${duty#*:}
  case $duty in
    process:*) kill -s KILL -- "-$value" ;;
    container:*) docker rm --force --volumes "$value" ;;
    network:*) docker network rm "$value" ;;
    directory:*)
      attempts=0
      while rm -rf -- "$value"; [ -e "$value" ] && [ $attempts -lt 50 ]; do
        attempts=$((attempts + 1))
        sleep 0.1
      done ;;
  esac
done
`;

const duties = new Set<string>();
let running: { readonly process: ChildProcess; readonly pipe: Writable } | undefined;

/** Has the watchdog undo `duty` if this process ends before `release` is called. */
export function watchOver(duty: Duty): Watch {
  const line = dutyLine(duty);
  duties.add(line);
  sendDuties();
  return {
    release: () => {
      if (duties.delete(line)) sendDuties();
    },
  };
}

/** Process id of the watchdog; undefined before the first duty. */
export function watchdogPid(): number | undefined {
  return running?.process.pid;
}

function dutyLine(duty: Duty): string {
  const value = dutyValue(duty);
  // The duties are split at tabs and lines at newlines; no name that we make up has either.
  if (/[\t\n]/.test(value)) throw new TypeError(`a duty may not hold a tab or newline: ${value}`);
  return `${duty.kind}:${value}`;
}

function dutyValue(duty: Duty): string {
  switch (duty.kind) {
    case 'process':
      return String(duty.pid);
    case 'directory':
      return duty.path;
    case 'container':
    case 'network':
      return duty.name;
  }
}

function sendDuties(): void {
  running ??= startWatchdog();
  // Newest first, as a stack of disposables unwinds: a process before the directory it writes to.
  // A pipe takes the line at once (a few kilobytes at most), so it is there before we go on.
  running.pipe.write(`${[...duties].reverse().join(SEPARATOR)}\n`);
}

function startWatchdog(): NonNullable<typeof running> {
  const child = spawn('sh', ['-c', WATCHDOG_SCRIPT], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const started = { process: child, pipe: child.stdin };
  const gone = (): void => {
    if (running !== started) return;
    running = undefined;
    // Someone killed the watchdog: put another in its place, which is told all duties again.
    if (duties.size > 0) sendDuties();
  };
  child.on('exit', gone);
  child.on('error', (cause) => {
    throw new Error('cannot start the watchdog (sh), without which children could be left behind', {
      cause,
    });
  });
  // EPIPE means that the watchdog is gone; 'exit' above deals with that.
  child.stdin.on('error', () => undefined);
  child.unref();
  unrefPipe(child.stdin);
  return started;
}

/** Keeps the pipe from holding our event loop open. (It is a socket, typed as a plain stream.) */
function unrefPipe(pipe: Writable & { unref?: () => void }): void {
  pipe.unref?.();
}
