/**
 * The cluster of docker-compose.yml, as it stands, with the faults that Docker can make. Decides which
 * container is whose, by the labels that compose gives it, and how a container returns to its network:
 * under the names that it had.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { ClientOptions } from '@herald/client';
import { takeFreePorts } from '@herald/lab';
import { DockerComposeEnvironment, getContainerRuntimeClient } from 'testcontainers';
import type { ContainerRuntimeClient, StartedDockerComposeEnvironment } from 'testcontainers';
import type { SeenLeadership } from '../fixtures/sampling-protocol.ts';
import { loggedLeaderships } from '../support/logged-leaderships.ts';
import { takeClientKeys } from './client-keys.ts';
import { findCompose, runCompose } from './compose-command.ts';
import type { ComposeCommand, Outcome } from './compose-command.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Until a port answers, once compose says that the container runs. */
const startMs = 120_000;
/** What a container is given to end in good order. */
const stopGraceS = 10;
const downMs = 2_000;

type Container = ReturnType<ContainerRuntimeClient['container']['getById']>;
type Inspected = Awaited<ReturnType<Container['inspect']>>;

export const etcdServices = ['etcd-1', 'etcd-2', 'etcd-3'] as const;
export const electorServices = ['elector-1', 'elector-2', 'elector-3'] as const;
/** Runs to its end before the others start. */
const authorityService = 'authority';

/** How long a line of a log may be where several are shown: the beginning says what it is about. */
const shownCharactersMax = 300;

export type ClientSecurity = Required<Pick<ClientOptions, 'tls' | 'trustedKeys'>>;

interface Parts {
  readonly runtime: ContainerRuntimeClient;
  readonly compose: ComposeCommand;
  readonly project: string;
  readonly env: Readonly<Record<string, string>>;
  readonly environment: StartedDockerComposeEnvironment;
  readonly security: ClientSecurity;
}

export class ComposeCluster implements AsyncDisposable {
  readonly #parts: Parts;
  /** Those that are there now and those that were stopped, by service. */
  readonly #containers = new Map<string, readonly Container[]>();

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Builds the images and brings everything up; takes a minute where nothing is cached. */
  static async start(): Promise<ComposeCluster> {
    // The published node is published on loopback. testcontainers would look for it at the bridge's gateway
    // where tests and engine run in a container themselves.
    process.env['TESTCONTAINERS_HOST_OVERRIDE'] ??= '127.0.0.1';
    const compose = await findCompose();
    const project = `herald-test-${randomBytes(4).toString('hex')}`;
    const [port, httpPort] = await takeFreePorts(2);
    const env = { HERALD_PORT: String(port), HERALD_HTTP_PORT: String(httpPort) };
    const environment = await new DockerComposeEnvironment(root, 'docker-compose.yml')
      .withProjectName(project)
      .withEnvironment(env)
      .withBuild()
      .withClientOptions(compose.isStandalone ? { executable: { standalone: true } } : {})
      .withStartupTimeout(startMs)
      .up();
    try {
      const runtime = await getContainerRuntimeClient();
      const security = await takeClientKeys((...args) =>
        runCompose(compose, ['-p', project, ...args], { cwd: root, env }),
      );
      const parts = { runtime, compose, project, env, environment, security };
      const cluster = new ComposeCluster(parts);
      await cluster.#look();
      return cluster;
    } catch (error) {
      await environment.down({ removeVolumes: true, timeout: downMs });
      throw error;
    }
  }

  /** What a client on this machine proves itself with, and whom it believes. */
  get security(): ClientSecurity {
    return this.#parts.security;
  }

  /** Where the published node answers clients on this machine. */
  get publishedAddress(): string {
    return `127.0.0.1:${String(this.#parts.env['HERALD_PORT'])}`;
  }

  /** Electors and nodes that compose was asked for. */
  get memberCount(): number {
    const services = [...electorServices, 'gossip-node', 'published-node'];
    return services.reduce((sum, service) => sum + this.#of(service).length, 0);
  }

  /** `compose run --rm herald …`, as a user would. */
  runHerald(...args: readonly string[]): Promise<Outcome> {
    return this.#compose('run', '--rm', '-T', 'herald', ...args);
  }

  /** `compose run --rm operator …`, as a user would. */
  runOperator(...args: readonly string[]): Promise<Outcome> {
    return this.#compose('run', '--rm', '-T', 'operator', ...args);
  }

  /** Runs a command in the container of a service, with `env` besides what the container has. */
  async exec(
    service: string,
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly exitCode: number; readonly output: string }> {
    return this.#parts.runtime.container.exec(this.#one(service), [...command], { env });
  }

  /** What etcd says to a service that shows it `/keys/CERTIFICATE.pem`: `HTTP 200`, or the error. */
  async askEtcd(service: string, certificate: string): Promise<string> {
    const script = `
      const { readFileSync } = require('node:fs');
      const [cert, key] = ['pem', 'key'].map((end) => readFileSync('/keys/${certificate}.' + end));
      // Only what etcd thinks of us is asked here.
      const options = { cert, key, rejectUnauthorized: false, timeout: 30_000 };
      require('node:https')
        .get('https://${etcdServices[0]}:2379/version', options, (answer) => {
          console.log('HTTP ' + answer.statusCode);
          answer.resume();
        })
        .on('timeout', function () { this.destroy(new Error('no answer')); })
        .on('error', (error) => console.log(String(error)));`;
    return (await this.exec(service, ['node', '-e', script])).output.trim();
  }

  /** `compose up --scale`, as a user would. */
  async scaleNodes(count: number): Promise<void> {
    const scale = ['--scale', `gossip-node=${count}`];
    const args = ['up', '--detach', '--no-recreate', ...scale, 'gossip-node'];
    const { exitCode, stderr } = await this.#compose(...args);
    if (exitCode !== 0) throw new Error(`compose up --scale failed:\n${stderr}`);
    await this.#look();
  }

  /** No farewell; Docker does not start again what it was asked to kill. */
  async kill(service: string): Promise<void> {
    await this.#one(service).kill();
  }

  async stop(service: string): Promise<void> {
    await this.#one(service).stop({ t: stopGraceS });
  }

  async start(service: string): Promise<void> {
    await this.#one(service).start();
  }

  async pause(service: string): Promise<void> {
    await this.#one(service).pause();
  }

  async resume(service: string): Promise<void> {
    await this.#one(service).unpause();
  }

  async restartAll(): Promise<void> {
    await Promise.all(this.#all().map((container) => container.restart({ t: stopGraceS })));
  }

  /** Takes the container off its network, and returns what brings it back. */
  async disconnect(service: string): Promise<() => Promise<void>> {
    const container = this.#one(service);
    const { NetworkSettings } = await container.inspect();
    const [entry] = Object.entries(NetworkSettings.Networks);
    if (entry === undefined) throw new Error(`${service} is on no network`);
    const [name, endpoint] = entry;
    const aliases = endpoint.Aliases as string[] | undefined;
    const network = this.#parts.runtime.network.getById(name);
    await network.disconnect({ Container: container.id });
    return async () => {
      await network.connect({
        Container: container.id,
        EndpointConfig: { Aliases: aliases ?? [] },
      });
    };
  }

  /** What Docker says of the container that has made all keys. */
  async inspectAuthority(): Promise<Inspected> {
    const { project, runtime } = this.#parts;
    // Of all that compose was asked for, this one alone has ended.
    const status = { status: ['exited' as const] };
    const [label, name] = ['com.docker.compose.project', project];
    const container = await runtime.container.fetchByLabel(label, name, status);
    const inspected = await container?.inspect();
    if (inspected === undefined || serviceOf(inspected.Config) !== authorityService) {
      throw new Error(`${authorityService} has not ended, or something else has`);
    }
    return inspected;
  }

  /** What Docker says of every container that runs. */
  inspectAll(): Promise<readonly Inspected[]> {
    return Promise.all(this.#all().map((container) => container.inspect()));
  }

  /** When each elector led, by its own log. */
  async leaderships(): Promise<readonly SeenLeadership[]> {
    const seen = electorServices.map(async (service) => {
      const container = this.#one(service);
      // In this order: a leadership that it begins meanwhile must not count as one of the dead.
      const { State } = await container.inspect();
      const isAwake = State.Running && !State.Paused;
      return loggedLeaderships(service, await this.#log(container), isAwake);
    });
    return (await Promise.all(seen)).flat();
  }

  /** The last lines of every elector, for whoever reads why a test failed. */
  async describe(): Promise<string> {
    const told = electorServices.map(async (service) => {
      const lines = (await this.#log(this.#one(service))).trimEnd().split('\n').slice(-5);
      const shown = lines.map((line) => line.slice(0, shownCharactersMax));
      return [`${service}:`, ...shown].join('\n  ');
    });
    return (await Promise.all(told)).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.environment.down({ removeVolumes: true, timeout: downMs });
  }

  async #log(container: Container): Promise<string> {
    return unframed(await container.logs({ stdout: true, stderr: true, follow: false }));
  }

  #compose(...args: readonly string[]): Promise<Outcome> {
    const { compose, project, env } = this.#parts;
    return runCompose(compose, ['-p', project, ...args], { cwd: root, env });
  }

  #all(): readonly Container[] {
    return [...this.#containers.values()].flat();
  }

  #of(service: string): readonly Container[] {
    return this.#containers.get(service) ?? [];
  }

  #one(service: string): Container {
    const [only, ...others] = this.#of(service);
    if (only === undefined || others.length > 0) {
      throw new Error(`${service} has ${others.length + (only ? 1 : 0)} containers, expected one`);
    }
    return only;
  }

  async #look(): Promise<void> {
    const { runtime, project } = this.#parts;
    const found = (await runtime.container.list()).filter(
      ({ Labels }) => Labels['com.docker.compose.project'] === project,
    );
    for (const service of new Set(found.map(serviceOf))) {
      const own = found.filter((info) => serviceOf(info) === service);
      this.#containers.set(
        service,
        own.map(({ Id }) => runtime.container.getById(Id)),
      );
    }
  }
}

function serviceOf({ Labels }: { readonly Labels: Readonly<Record<string, string>> }): string {
  return Labels['com.docker.compose.service'] ?? '';
}

/** Docker keeps what a container without a terminal wrote in frames: kind, three zeroes, length, text. */
function unframed(log: Buffer): string {
  const headerBytes = 8;
  const lengthAt = 4;
  const texts: Buffer[] = [];
  for (let at = 0; at + headerBytes <= log.length;) {
    const textAt = at + headerBytes;
    const end = textAt + log.readUInt32BE(at + lengthAt);
    texts.push(log.subarray(textAt, end));
    at = end;
  }
  return Buffer.concat(texts).toString();
}
