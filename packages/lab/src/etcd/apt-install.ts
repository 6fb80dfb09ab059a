/**
 * Installs etcd from the distribution's packages and leaves no new service behind: Debian's package
 * would start etcd on its default port and on every boot, while Herald only needs the program.
 */
import { existsSync } from 'node:fs';

import { runCommand, type CommandResult } from '../process/run-command.ts';
import type { AbsentEtcd } from './etcd-source.ts';
import { isSupportedEtcd } from './etcd-version.ts';

/** The server, and the client whose `etcdctl` the integration tests use. */
const PACKAGES = ['etcd-server', 'etcd-client'];

/** Bound on each step: a slow mirror is worth waiting for, a hung one is not. */
const STEP_TIMEOUT_MS = 5 * 60_000;
/** How long apt waits for another package manager to finish before it gives up. */
const APT_LOCK_TIMEOUT_S = 120;

const UNIT = 'etcd.service';

export interface AptInstallOptions {
  readonly sudo: boolean;
  readonly log: (line: string) => void;
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

/** Installs etcd; undefined when done, else why it could not be. */
export async function installEtcdWithApt(
  options: AptInstallOptions,
): Promise<AbsentEtcd | undefined> {
  options.log(
    `no etcd here: installing it with "apt-get install ${PACKAGES.join(' ')}" ` +
      `(as root${options.sudo ? ', with sudo' : ''})`,
  );
  const updated = await asRoot(['apt-get', 'update', '--quiet'], options);
  // One unreachable repository fails the update and may not matter; the candidate tells.
  if (updated.kind === 'failed') options.log(`apt-get update: ${updated.reason}`);

  const unsuitable = await checkCandidate(options);
  if (unsuitable) return unsuitable;

  const installed = await withoutService(options, () =>
    asRoot(
      [
        'apt-get',
        'install',
        '--yes',
        '--quiet',
        '--no-install-recommends',
        '--option',
        `DPkg::Lock::Timeout=${APT_LOCK_TIMEOUT_S}`,
        ...PACKAGES,
      ],
      options,
    ),
  );
  if (installed.kind === 'ok') return undefined;
  return { kind: 'absent', reason: `apt-get install ${PACKAGES.join(' ')}: ${installed.reason}` };
}

/** Older distributions offer an etcd that is too old; then nothing is installed. */
async function checkCandidate(options: AptInstallOptions): Promise<AbsentEtcd | undefined> {
  const policy = await runCommand('apt-cache', ['policy', 'etcd-server'], {
    timeoutMs: STEP_TIMEOUT_MS,
    signal: options.signal,
    env: { ...options.env, LC_ALL: 'C' },
  });
  if (policy.kind === 'failed') return { kind: 'absent', reason: `apt-cache: ${policy.reason}` };
  const candidate = /^\s*Candidate: (\S+)/m.exec(policy.stdout)?.[1];
  if (candidate === undefined || candidate === '(none)') {
    return { kind: 'absent', reason: 'apt-get has no package etcd-server' };
  }
  if (!isSupportedEtcd(candidate)) {
    return {
      kind: 'absent',
      reason: `apt-get offers etcd ${candidate}; Herald needs 3.4 or later`,
    };
  }
  return undefined;
}

/**
 * Runs the installation so that the package's own service neither starts now nor at the next boot.
 * Under systemd the unit is masked until the package is there, then disabled. Under a System V init
 * it can only be stopped afterwards. (Most containers have a policy that starts nothing at all.)
 */
async function withoutService(
  options: AptInstallOptions,
  install: () => Promise<CommandResult>,
): Promise<CommandResult> {
  if (existsSync('/run/systemd/system')) {
    await asRoot(['systemctl', 'mask', '--runtime', UNIT], options);
    try {
      return await install();
    } finally {
      await asRoot(['systemctl', 'unmask', '--runtime', UNIT], options);
      await asRoot(['systemctl', 'disable', UNIT], options);
    }
  }
  const result = await install();
  if (result.kind === 'ok' && existsSync('/etc/init.d/etcd')) {
    await asRoot(['invoke-rc.d', 'etcd', 'stop'], options);
    await asRoot(['update-rc.d', 'etcd', 'disable'], options);
  }
  return result;
}

function asRoot(command: readonly string[], options: AptInstallOptions): Promise<CommandResult> {
  const withSettings = ['env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C', ...command];
  const [first = '', ...rest] = options.sudo ? ['sudo', '-n', ...withSettings] : withSettings;
  return runCommand(first, rest, {
    timeoutMs: STEP_TIMEOUT_MS,
    signal: options.signal,
    env: options.env,
    // dpkg in mid-flight is asked to stop, not shot: a half-configured package would be left.
    killSignal: 'SIGTERM',
  });
}
