/**
 * Decides where etcd comes from, in this order: the endpoints that a person names, an `etcd` on the
 * PATH, a Docker engine that answers, the system's package manager. Looking changes nothing on the
 * machine; what has to be fetched first is `ensureEtcd`'s business.
 */
import { LabError } from '../lab-error.ts';
import { findOnPath, runCommand } from '../process/run-command.ts';
import { readLinearizably, readVersion } from './etcd-http.ts';
import { isSupportedEtcd, parseEtcdVersion } from './etcd-version.ts';

/** Names the etcd to use: `host:port` or URLs, comma-separated. */
export const ENDPOINTS_VARIABLE = 'HERALD_ETCD_ENDPOINTS';
/** Names the container image to use with Docker. */
export const IMAGE_VARIABLE = 'ETCD_IMAGE';
/** The etcd project's own image, from its primary registry. */
export const DEFAULT_IMAGE = 'gcr.io/etcd-development/etcd:v3.6.6';

/** A local question to a command; generous for a loaded machine, short enough to wait for. */
const COMMAND_TIMEOUT_MS = 5_000;
/** `docker info` takes some 50 ms where an engine answers; where none does, it must not hold us up. */
const DOCKER_TIMEOUT_MS = 3_000;

/** An etcd that somebody else runs: it is used, and never started, stopped or configured. */
export interface ExternalEtcd {
  readonly kind: 'external';
  readonly endpoints: readonly string[];
  readonly version: string;
}

export interface BinaryEtcd {
  readonly kind: 'binary';
  readonly path: string;
  readonly version: string;
}

export interface DockerEtcd {
  readonly kind: 'docker';
  readonly image: string;
  /** Whether the engine holds the image already, so that it starts without a download. */
  readonly imagePresent: boolean;
}

/** Where a real etcd can be started, or reached, right away. */
export type EtcdSource = ExternalEtcd | BinaryEtcd | DockerEtcd;

/** Not there yet, but `apt-get` can bring it: we are root, or sudo asks no password. */
export interface InstallableEtcd {
  readonly kind: 'installable';
  readonly sudo: boolean;
}

/** Looked at and not usable, with the reason for the person who reads the error. */
export interface AbsentEtcd {
  readonly kind: 'absent';
  readonly reason: string;
}

export type EtcdLookup =
  EtcdSource | InstallableEtcd | { readonly kind: 'none'; readonly reasons: readonly string[] };

export interface LookupOptions {
  readonly signal?: AbortSignal | undefined;
}

type Place = (
  env: NodeJS.ProcessEnv,
  options: LookupOptions,
) => Promise<EtcdSource | InstallableEtcd | AbsentEtcd>;

/** The places to look, in the order in which they are preferred. */
export const PLACES: readonly Place[] = [
  lookForEndpoints,
  lookOnPath,
  lookForDocker,
  lookForInstaller,
];

/** Where the programs may be that tests stop, kill and start again on damaged data: in no container, and not somebody else's. */
export const PROGRAM_PLACES: readonly Place[] = [lookForPrograms, lookForInstaller];

/**
 * The first place that has an etcd, without changing anything on the machine.
 * @throws LabError `bad-input` or `etcd-unavailable` if HERALD_ETCD_ENDPOINTS is set and cannot be
 *   used: who names an etcd wants that one, not another.
 */
export async function findEtcd(
  env: NodeJS.ProcessEnv = process.env,
  options: LookupOptions = {},
): Promise<EtcdLookup> {
  const reasons: string[] = [];
  for (const look of PLACES) {
    const found = await look(env, options);
    if (found.kind !== 'absent') return found;
    reasons.push(found.reason);
  }
  return { kind: 'none', reasons };
}

/** `host:port` or http(s) URLs, comma-separated, as URLs without a path. */
export function parseEndpoints(text: string): string[] {
  return text.split(',').map((part) => {
    const given = part.trim();
    const withScheme = given.includes('://') ? given : `http://${given}`;
    const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
    const usable =
      url !== undefined &&
      (url.protocol === 'http:' || url.protocol === 'https:') &&
      url.pathname === '/' &&
      url.search === '' &&
      // URL drops a scheme's default port, so look for it in what was given.
      /:\d+\/?$/.test(given);
    if (!usable) {
      throw new LabError(
        'bad-input',
        `${ENDPOINTS_VARIABLE}: "${given}" is not an etcd endpoint; ` +
          'give host:port or http://host:port, several separated by commas',
      );
    }
    return withScheme.replace(/\/$/, '');
  });
}

async function lookForEndpoints(
  env: NodeJS.ProcessEnv,
  { signal }: LookupOptions,
): Promise<ExternalEtcd | AbsentEtcd> {
  const text = env[ENDPOINTS_VARIABLE];
  if (text === undefined || text.trim() === '') {
    return { kind: 'absent', reason: `${ENDPOINTS_VARIABLE} is not set` };
  }
  const endpoints = parseEndpoints(text);
  const answers = await Promise.allSettled(
    endpoints.map(async (endpoint) => {
      await readLinearizably(endpoint, { signal });
      const version = await readVersion(endpoint, { signal });
      if (isSupportedEtcd(version)) return version;
      throw new Error(`${endpoint} is etcd ${version}; Herald needs 3.4 or later`);
    }),
  );
  signal?.throwIfAborted();
  // One that answers is enough: a cluster with a member down is a cluster to work with.
  const answered = answers.find((answer) => answer.status === 'fulfilled');
  if (answered) return { kind: 'external', endpoints, version: answered.value };
  const failures = answers.flatMap((answer) =>
    answer.status === 'rejected' ? [answer.reason as Error] : [],
  );
  throw new LabError(
    'etcd-unavailable',
    `${ENDPOINTS_VARIABLE} is set, but the etcd there cannot be used: ` +
      `${failures.map((failure) => failure.message).join('; ')}. ` +
      'Start it, correct the variable, or unset it to let Herald bring its own etcd.',
    { cause: failures[0] },
  );
}

export async function lookOnPath(
  env: NodeJS.ProcessEnv,
  { signal }: LookupOptions,
): Promise<BinaryEtcd | AbsentEtcd> {
  const path = await findOnPath('etcd', env);
  if (path === undefined) return { kind: 'absent', reason: 'there is no etcd on the PATH' };
  const result = await runCommand(path, ['--version'], { timeoutMs: COMMAND_TIMEOUT_MS, signal });
  const version = result.kind === 'ok' ? parseEtcdVersion(result.stdout) : undefined;
  if (version === undefined) {
    const why = result.kind === 'ok' ? 'it does not tell its version' : result.reason;
    return { kind: 'absent', reason: `${path} cannot be used: ${why}` };
  }
  if (!isSupportedEtcd(version)) {
    return { kind: 'absent', reason: `${path} is etcd ${version}; Herald needs 3.4 or later` };
  }
  return { kind: 'binary', path, version };
}

/** The etcd on the PATH, with the `etcdctl` that belongs to it. */
export async function lookForPrograms(
  env: NodeJS.ProcessEnv,
  options: LookupOptions,
): Promise<BinaryEtcd | AbsentEtcd> {
  const found = await lookOnPath(env, options);
  if (found.kind === 'absent' || (await findOnPath('etcdctl', env)) !== undefined) return found;
  return { kind: 'absent', reason: `there is no etcdctl on the PATH, beside ${found.path}` };
}

async function lookForDocker(
  env: NodeJS.ProcessEnv,
  { signal }: LookupOptions,
): Promise<DockerEtcd | AbsentEtcd> {
  const host = env['DOCKER_HOST'] ?? '';
  if (/^(tcp|ssh):/.test(host) && !/\/\/(localhost|127\.|\[::1\])/.test(host)) {
    // It would publish etcd's ports on that machine's loopback, where we cannot reach them.
    return { kind: 'absent', reason: 'DOCKER_HOST names an engine on another machine' };
  }
  const run = { timeoutMs: DOCKER_TIMEOUT_MS, signal, env };
  const info = await runCommand('docker', ['info', '--format', '{{.ServerVersion}}'], run);
  if (info.kind === 'failed') {
    return { kind: 'absent', reason: `no Docker engine answers (${info.reason})` };
  }
  const image = env[IMAGE_VARIABLE]?.trim() ?? '';
  const wanted = image === '' ? DEFAULT_IMAGE : image;
  const inspected = await runCommand('docker', ['image', 'inspect', wanted], run);
  return { kind: 'docker', image: wanted, imagePresent: inspected.kind === 'ok' };
}

async function lookForInstaller(
  env: NodeJS.ProcessEnv,
  { signal }: LookupOptions,
): Promise<InstallableEtcd | AbsentEtcd> {
  if ((await findOnPath('apt-get', env)) === undefined) {
    return { kind: 'absent', reason: 'there is no apt-get to install it with' };
  }
  if (process.getuid?.() === 0) return { kind: 'installable', sudo: false };
  const sudo = await runCommand('sudo', ['-n', 'true'], {
    timeoutMs: COMMAND_TIMEOUT_MS,
    signal,
    env,
  });
  if (sudo.kind === 'ok') return { kind: 'installable', sudo: true };
  return {
    kind: 'absent',
    reason: 'apt-get is there, but we are not root and sudo wants a password',
  };
}
