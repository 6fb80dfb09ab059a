/**
 * Decides what a process is said to use: CPU time and resident memory as Linux's /proc counts them.
 * Elsewhere nothing is measured, and the report says so rather than guess.
 */
import { readFile } from 'node:fs/promises';
import { processCpuSeconds } from '../process/proc-fs.ts';

export interface ProcessUsage {
  /** User and system time of all threads since the process began. */
  readonly cpuSeconds: number;
  readonly rssMiB: number;
}

/** Undefined where it cannot be read: another platform, or a process that has ended. */
export async function processUsage(pid: number): Promise<ProcessUsage | undefined> {
  const [cpuSeconds, rssMiB] = await Promise.all([processCpuSeconds(pid), processRssMiB(pid)]);
  if (cpuSeconds === undefined || rssMiB === undefined) return undefined;
  return { cpuSeconds, rssMiB };
}

/** All of `pids` together; undefined when one of them cannot be read. */
export async function totalUsage(pids: readonly number[]): Promise<ProcessUsage | undefined> {
  const usages = await Promise.all(pids.map(processUsage));
  let cpuSeconds = 0;
  let rssMiB = 0;
  for (const usage of usages) {
    if (usage === undefined) return undefined;
    cpuSeconds += usage.cpuSeconds;
    rssMiB += usage.rssMiB;
  }
  return { cpuSeconds, rssMiB };
}

async function processRssMiB(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8').catch(() => undefined);
  return status === undefined ? undefined : parseRssMiB(status);
}

/** `VmRSS:    42204 kB` of /proc/PID/status; a process that has just ended has no such line. */
export function parseRssMiB(status: string): number | undefined {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) / 1_024;
}

/**
 * Bytes that this process has written since it began, to sockets and everything else: what its nodes
 * really send, with all that HTTP/2 adds to a frame. Undefined off Linux.
 */
export async function bytesWritten(): Promise<number | undefined> {
  const io = await readFile('/proc/self/io', 'utf8').catch(() => undefined);
  const written = io === undefined ? undefined : /^wchar: (\d+)$/m.exec(io)?.[1];
  return written === undefined ? undefined : Number(written);
}
