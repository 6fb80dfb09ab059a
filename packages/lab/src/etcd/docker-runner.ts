/**
 * Runs one etcd member in a container. The container is created without `--rm`, since a member that
 * is stopped and started again must find its data; it is removed by us, or by the watchdog.
 */
import { LabError } from '../lab-error.ts';
import { processName } from '../process/proc-fs.ts';
import { runCommand } from '../process/run-command.ts';
import { sleep } from '../process/wait-until.ts';
import { watchOver, type Watch } from '../process/watchdog.ts';
import type { MemberEnd, MemberRunner } from './etcd-member.ts';

/** Bound on one docker command; starting a container on a loaded machine takes seconds. */
const DOCKER_COMMAND_TIMEOUT_MS = 60_000;
/** How long etcd may take to end on SIGTERM before it is killed. */
const STOP_GRACE_S = 5;
/** Lines of etcd's output that an error message quotes. */
const QUOTED_LINES_MAX = 5;

/** How often, and at what distance, to look whether the container's process has become etcd. */
const PID_LOOKS_MAX = 40;
const PID_LOOK_MS = 25;

const PORT_TAKEN = /port is already allocated|address already in use/;

export interface DockerRunnerOptions {
  readonly container: string;
  readonly network: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Port on this machine's loopback that leads to etcd's client port. */
  readonly publishedPort: number;
  readonly listenPort: number;
}

export class DockerRunner implements MemberRunner {
  readonly listenPort: number;
  readonly #options: DockerRunnerOptions;
  #watch: Watch | undefined;
  #pid: number | undefined;
  #startFailure: MemberEnd | undefined;

  constructor(options: DockerRunnerOptions) {
    this.#options = options;
    this.listenPort = options.listenPort;
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  async launch(): Promise<void> {
    const { container, env } = this.#options;
    if (this.#watch === undefined) await this.#create();
    const started = await dockerRun(['start', container], env);
    this.#startFailure =
      started.kind === 'failed'
        ? { reason: started.reason, portTaken: PORT_TAKEN.test(started.reason) }
        : undefined;
    if (!this.#startFailure) this.#pid = await this.#readPid();
  }

  async ended(): Promise<MemberEnd | undefined> {
    if (this.#watch === undefined) return { reason: 'not started', portTaken: false };
    if (this.#startFailure) return this.#startFailure;
    const { container, env } = this.#options;
    const state = '{{.State.Running}} {{.State.ExitCode}}';
    const inspected = await docker(['inspect', '--format', state, container], env);
    const [running, exitCode = '?'] = inspected.trim().split(' ');
    if (running === 'true') return undefined;
    this.#pid = undefined;
    const logs = await dockerRun(['logs', '--tail', String(QUOTED_LINES_MAX), container], env);
    const words = logs.kind === 'ok' ? `${logs.stdout}${logs.stderr}`.trim() : logs.reason;
    return {
      reason: `exit code ${exitCode}\n${words}`,
      portTaken: PORT_TAKEN.test(words),
    };
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if ((await this.ended()) !== undefined) return;
    const { container, env } = this.#options;
    // A paused container receives no signal; unpausing one that is not paused fails, and may.
    await dockerRun(['unpause', container], env);
    const grace = signal === 'SIGKILL' ? 0 : STOP_GRACE_S;
    await docker(['stop', '--time', String(grace), container], env);
    this.#pid = undefined;
  }

  async pause(): Promise<void> {
    await docker(['pause', this.#options.container], this.#options.env);
  }

  async resume(): Promise<void> {
    await docker(['unpause', this.#options.container], this.#options.env);
  }

  async remove(): Promise<void> {
    if (this.#watch === undefined) return;
    const { container, env } = this.#options;
    await docker(['rm', '--force', '--volumes', container], env);
    this.#pid = undefined;
    this.#watch.release();
    this.#watch = undefined;
  }

  async #create(): Promise<void> {
    const { container, network, image, args, env, publishedPort, listenPort } = this.#options;
    this.#watch = watchOver({ kind: 'container', name: container });
    await docker(
      [
        'create',
        `--name=${container}`,
        `--network=${network}`,
        `--publish=127.0.0.1:${publishedPort}:${listenPort}`,
        image,
        'etcd',
        ...args,
      ],
      env,
    );
  }

  /**
   * Docker tells the id on its own machine; it is ours too only if that process here is an etcd, which
   * it becomes a moment after `docker start` returned.
   */
  async #readPid(): Promise<number | undefined> {
    const { container, env } = this.#options;
    const pid = Number(await docker(['inspect', '--format', '{{.State.Pid}}', container], env));
    for (let looks = 0; pid > 0 && looks < PID_LOOKS_MAX; looks += 1) {
      const name = await processName(pid);
      if (name === 'etcd') return pid;
      if (name === undefined) return undefined;
      await sleep(PID_LOOK_MS);
    }
    return undefined;
  }
}

/** A private network, on which members find each other by container name. */
export async function createNetwork(
  name: string,
  env: NodeJS.ProcessEnv,
): Promise<{ remove(): Promise<void> }> {
  const watch = watchOver({ kind: 'network', name });
  await docker(['network', 'create', name], env);
  return {
    remove: async () => {
      await docker(['network', 'rm', name], env);
      watch.release();
    },
  };
}

async function docker(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const result = await dockerRun(args, env);
  if (result.kind === 'ok') return result.stdout;
  throw new LabError('command-failed', `docker ${args.slice(0, 2).join(' ')}: ${result.reason}`);
}

function dockerRun(args: readonly string[], env: NodeJS.ProcessEnv) {
  return runCommand('docker', args, { timeoutMs: DOCKER_COMMAND_TIMEOUT_MS, env });
}
