/**
 * Lays out the members of one cluster: names, ports, folders, how they find each other. Nothing runs
 * yet when a set is made, but what it made is under the watchdog's eye already.
 */
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { takeFreePorts } from '../process/free-ports.ts';
import { findOnPath } from '../process/run-command.ts';
import { watchOver } from '../process/watchdog.ts';
import { createNetwork, DockerRunner } from './docker-runner.ts';
import { etcdArguments, withoutEtcdSettings } from './etcd-flags.ts';
import { ManagedMember } from './etcd-member.ts';
import type { BinaryEtcd, DockerEtcd } from './etcd-source.ts';
import { ProcessRunner } from './process-runner.ts';

/** Ports inside a container, where each member has an address of its own. */
const CONTAINER_CLIENT_PORT = 2379;
const CONTAINER_PEER_PORT = 2380;

export interface MemberSetPlan {
  /** Unique on this machine: names the data folder, the containers and the cluster token. */
  readonly name: string;
  readonly memberCount: number;
  readonly quotaBytes?: number | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/** How to run etcdctl against a cluster: append the subcommand to `args`. */
export interface EtcdctlCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export interface MemberSet {
  readonly members: readonly ManagedMember[];
  readonly etcdctl: EtcdctlCommand | undefined;
  /** Ends all members and removes all that the set made. */
  remove(): Promise<void>;
}

/** Members as child processes, their data in a private folder under the system's temporary one. */
export async function processMembers(
  source: BinaryEtcd,
  { name, memberCount, quotaBytes, env }: MemberSetPlan,
): Promise<MemberSet> {
  const folder = join(tmpdir(), name);
  const ports = await takeFreePorts(memberCount * 2);
  const places = Array.from({ length: memberCount }, (_, index) => {
    const [clientPort = 0, peerPort = 0] = ports.slice(index * 2);
    return {
      name: `etcd-${index + 1}`,
      clientPort,
      clientUrl: `http://127.0.0.1:${clientPort}`,
      peerUrl: `http://127.0.0.1:${peerPort}`,
    };
  });
  const initialCluster = places.map((place) => `${place.name}=${place.peerUrl}`);
  const watch = watchOver({ kind: 'directory', path: folder });
  await mkdir(folder, { mode: 0o700 });
  const members = places.map(({ name: memberName, clientPort, clientUrl, peerUrl }) => {
    const args = etcdArguments({
      name: memberName,
      dataDir: join(folder, memberName),
      clientListenUrl: clientUrl,
      clientUrl,
      peerListenUrl: peerUrl,
      peerUrl,
      initialCluster,
      clusterToken: name,
      quotaBytes,
    });
    const runner = new ProcessRunner({
      name: memberName,
      binary: source.path,
      args,
      env: withoutEtcdSettings(env),
      listenPort: clientPort,
    });
    return new ManagedMember(memberName, clientUrl, runner);
  });
  return {
    members,
    etcdctl: await localEtcdctl(
      places.map((place) => place.clientUrl),
      env,
      dirname(source.path),
    ),
    remove: async () => {
      await removeMembers(members);
      await rm(folder, { recursive: true, force: true });
      watch.release();
    },
  };
}

/** Members as containers on a private network, their client ports published on loopback. */
export async function dockerMembers(
  source: DockerEtcd,
  { name, memberCount, quotaBytes, env }: MemberSetPlan,
): Promise<MemberSet> {
  const ports = await takeFreePorts(memberCount);
  const network = await createNetwork(name, env);
  const places = ports.map((publishedPort, index) => ({
    name: `etcd-${index + 1}`,
    container: `${name}-${index + 1}`,
    publishedPort,
    peerUrl: `http://${name}-${index + 1}:${CONTAINER_PEER_PORT}`,
  }));
  const initialCluster = places.map((place) => `${place.name}=${place.peerUrl}`);
  const members = places.map(({ name: memberName, container, publishedPort, peerUrl }) => {
    const clientUrl = `http://127.0.0.1:${publishedPort}`;
    const args = etcdArguments({
      name: memberName,
      dataDir: '/etcd-data',
      clientListenUrl: `http://0.0.0.0:${CONTAINER_CLIENT_PORT}`,
      clientUrl,
      peerListenUrl: `http://0.0.0.0:${CONTAINER_PEER_PORT}`,
      peerUrl,
      initialCluster,
      clusterToken: name,
      quotaBytes,
    });
    const runner = new DockerRunner({
      container,
      network: name,
      image: source.image,
      args,
      env,
      publishedPort,
      listenPort: CONTAINER_CLIENT_PORT,
    });
    return new ManagedMember(memberName, clientUrl, runner);
  });
  const insideUrls = places.map((place) => `http://${place.container}:${CONTAINER_CLIENT_PORT}`);
  return {
    members,
    etcdctl: {
      command: 'docker',
      // `run` rather than `exec`: it passes signals on, so that `etcdctl elect` can be ended.
      args: [
        ...['run', '--rm', '--interactive', `--network=${name}`, source.image],
        ...['etcdctl', `--endpoints=${insideUrls.join(',')}`],
      ],
      env,
    },
    remove: async () => {
      await removeMembers(members);
      await network.remove();
    },
  };
}

/** The etcdctl beside etcd or on the PATH, pointed at `endpoints`. */
export async function localEtcdctl(
  endpoints: readonly string[],
  env: NodeJS.ProcessEnv,
  preferredFolder?: string,
): Promise<EtcdctlCommand | undefined> {
  const beside =
    preferredFolder === undefined
      ? undefined
      : await findOnPath('etcdctl', { PATH: preferredFolder });
  const command = beside ?? (await findOnPath('etcdctl', env));
  if (command === undefined) return undefined;
  return {
    command,
    args: [`--endpoints=${endpoints.join(',')}`],
    env: withoutEtcdSettings(env),
  };
}

/** All of them, even if one cannot be removed; then the first such failure is thrown. */
async function removeMembers(members: readonly ManagedMember[]): Promise<void> {
  const results = await Promise.allSettled(members.map((member) => member.runner.remove()));
  for (const result of results) if (result.status === 'rejected') throw result.reason as Error;
}
