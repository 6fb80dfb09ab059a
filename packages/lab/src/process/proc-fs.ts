/**
 * What Linux's /proc says about processes and sockets. Elsewhere there is no such answer without
 * tools of the platform's own, so every question is answered `undefined` there: the lab then reports
 * "not measured" rather than a guess.
 */
import { readFile, readdir, readlink } from 'node:fs/promises';

/**
 * Clock ticks per second in /proc/PID/stat. It is sysconf(_SC_CLK_TCK), which Linux has fixed at 100
 * for user space on every architecture that Node runs on.
 */
const TICKS_PER_SECOND = 100;

/** The state column of /proc/net/tcp for an established connection (TCP_ESTABLISHED). */
const ESTABLISHED = '01';

export interface TcpConnection {
  readonly localPort: number;
  readonly remotePort: number;
  /** The socket's inode, by which /proc/PID/fd names it. */
  readonly inode: string;
}

/**
 * Whether a process runs. Where Linux can tell, one that has ended but was not yet reaped by its parent
 * does not: an orphan's parent is process 1, which takes its time or, in some containers, never reaps.
 */
export async function processRuns(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const [state] = (await readStatFields(pid)) ?? [];
  return state !== 'Z' && state !== 'X';
}

/** CPU time (user and system, all threads) that a process has used so far, in seconds. */
export async function processCpuSeconds(pid: number): Promise<number | undefined> {
  const fields = await readStatFields(pid);
  if (fields === undefined) return undefined;
  // proc(5): utime and stime are fields 14 and 15; ours begin with field 3, the state.
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The command name of a process as the kernel keeps it (15 characters at most). */
export async function processName(pid: number): Promise<string | undefined> {
  return (await readProcFile(`/proc/${pid}/comm`))?.trimEnd();
}

/** Established TCP connections in the network namespace of a process, both ends where both are in it. */
export async function establishedConnections(pid: number): Promise<TcpConnection[] | undefined> {
  const ipv4 = await readProcFile(`/proc/${pid}/net/tcp`);
  if (ipv4 === undefined) return undefined;
  // There is no such file where IPv6 is off.
  const ipv6 = (await readProcFile(`/proc/${pid}/net/tcp6`)) ?? '';
  return [...parseConnections(ipv4), ...parseConnections(ipv6)];
}

/** Inodes of the sockets that a process holds; undefined where we may not look into it. */
export async function socketInodes(pid: number): Promise<Set<string> | undefined> {
  const folder = `/proc/${pid}/fd`;
  const inodes = new Set<string>();
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    throwUnlessAbsent(error);
    return undefined;
  }
  for (const name of names) {
    // A descriptor may be closed between the listing and the look at it.
    const target = (await readlink(`${folder}/${name}`).catch(throwUnlessAbsent)) ?? '';
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}

/** Parses the text of /proc/net/tcp or tcp6. */
export function parseConnections(text: string): TcpConnection[] {
  const connections: TcpConnection[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [, local, remote, state, , , , , , inode] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED || inode === undefined) continue;
    connections.push({ localPort: portOf(local), remotePort: portOf(remote), inode });
  }
  return connections;
}

/** "0100007F:0CEA" is an address and a port, in hexadecimal. */
function portOf(endpoint: string | undefined): number {
  return Number.parseInt(endpoint?.split(':')[1] ?? '', 16);
}

/** Fields of /proc/PID/stat from the third on: the second is a name that may hold spaces and brackets. */
async function readStatFields(pid: number): Promise<string[] | undefined> {
  const text = await readProcFile(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

async function readProcFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throwUnlessAbsent(error);
    return undefined;
  }
}

/** Not there (any more) or not ours to read is an answer; anything else is a real failure. */
function throwUnlessAbsent(error: unknown): void {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (!['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code)) throw error;
}
