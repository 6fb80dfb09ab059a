/**
 * Decides what to do where etcd is not at hand: fetch the image, install the package, or explain.
 * It says what it is about to do before it does it, and does nothing where etcd is there already.
 */
import { LabError } from '../lab-error.ts';
import { runCommand } from '../process/run-command.ts';
import { installEtcdWithApt } from './apt-install.ts';
import {
  lookForPrograms,
  lookOnPath,
  PLACES,
  PROGRAM_PLACES,
  type AbsentEtcd,
  type DockerEtcd,
  type EtcdSource,
  type InstallableEtcd,
} from './etcd-source.ts';

/** Bound on fetching an image of some 25 MB. */
const PULL_TIMEOUT_MS = 5 * 60_000;

export interface EnsureOptions {
  /** Told, a line each, what is about to be done. */
  readonly log: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  /** Whether only `etcd` and `etcdctl` on the PATH will do, as for tests that stop, kill and damage their own. */
  readonly programs?: boolean;
}

/**
 * Makes sure that an etcd can be started, or reached, and returns where it is.
 * @throws LabError `etcd-unavailable` with the ways to get one, if all else fails.
 */
export async function ensureEtcd(options: EnsureOptions): Promise<EtcdSource> {
  const env = options.env ?? process.env;
  const need = options.programs === true ? programs : anyEtcd;
  const reasons: string[] = [];
  for (const look of need.places) {
    const found = await look(env, { signal: options.signal });
    const provided = await provide(found, { ...options, env, need });
    if (provided.kind !== 'absent') return provided;
    reasons.push(`  - ${provided.reason}`);
  }
  const message = [need.said, ...reasons, ...need.ways].join('\n');
  throw new LabError('etcd-unavailable', message);
}

/** What is asked for: where it may be, how it is found once installed, and what is said where it cannot be had. */
interface Need {
  readonly places: typeof PLACES;
  readonly installed: typeof lookOnPath;
  readonly said: string;
  readonly ways: readonly string[];
}

const packageWays = [
  '  Debian, Ubuntu   sudo apt-get install etcd-server etcd-client',
  '  macOS            brew install etcd',
];

const anyEtcd: Need = {
  places: PLACES,
  installed: lookOnPath,
  said: 'Herald needs a real etcd (3.4 or later), and there is none to be had here:',
  ways: [
    'Any one of these is enough:',
    ...packageWays,
    '  Docker           start a Docker engine; Herald runs the image that ETCD_IMAGE names',
    '  anywhere         HERALD_ETCD_ENDPOINTS=host:port of an etcd that runs already',
  ],
};

const programs: Need = {
  places: PROGRAM_PLACES,
  installed: lookForPrograms,
  said: 'The tests stop, kill and damage an etcd of their own, and need the programs etcd and etcdctl (3.4 or later) on the PATH:',
  ways: ['Either of these brings them:', ...packageWays],
};

type Providing = EnsureOptions & { readonly env: NodeJS.ProcessEnv; readonly need: Need };

async function provide(
  found: EtcdSource | InstallableEtcd | AbsentEtcd,
  options: Providing,
): Promise<EtcdSource | AbsentEtcd> {
  switch (found.kind) {
    case 'absent':
    case 'external':
    case 'binary':
      return found;
    case 'docker':
      return found.imagePresent ? found : pullImage(found, options);
    case 'installable':
      return install(found, options);
  }
}

async function pullImage(
  source: DockerEtcd,
  { log, env, signal }: Providing,
): Promise<DockerEtcd | AbsentEtcd> {
  log(`no etcd here, but a Docker engine: fetching the image ${source.image}`);
  const pulled = await runCommand('docker', ['pull', '--quiet', source.image], {
    timeoutMs: PULL_TIMEOUT_MS,
    signal,
    env,
  });
  if (pulled.kind === 'ok') return { ...source, imagePresent: true };
  log(`the image cannot be fetched: ${pulled.reason}`);
  return { kind: 'absent', reason: `Docker cannot fetch ${source.image}: ${pulled.reason}` };
}

async function install(
  source: InstallableEtcd,
  options: Providing,
): Promise<EtcdSource | AbsentEtcd> {
  const failed = await installEtcdWithApt({ ...options, sudo: source.sudo });
  if (failed) return failed;
  const installed = await options.need.installed(options.env, { signal: options.signal });
  if (installed.kind === 'binary') return installed;
  return { kind: 'absent', reason: 'etcd was installed with apt-get, but is not on the PATH' };
}
