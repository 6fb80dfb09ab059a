/**
 * Brings up a real etcd for the lab, of one member or three, from wherever etcd can be had, and
 * leaves nothing of it behind. Decides when a start has failed, and tries again on other ports when
 * one was taken in the meantime.
 */
import { randomBytes } from 'node:crypto';

import { LabError } from '../lab-error.ts';
import { ensureEtcd } from './ensure-etcd.ts';
import { readStatus, readVersion } from './etcd-http.ts';
import { READY_TIMEOUT_MS, type EtcdMember, type MemberEnd } from './etcd-member.ts';
import type { BinaryEtcd, DockerEtcd, EtcdSource, ExternalEtcd } from './etcd-source.ts';
import {
  dockerMembers,
  localEtcdctl,
  processMembers,
  type EtcdctlCommand,
  type MemberSet,
  type MemberSetPlan,
} from './member-set.ts';

/** Starts with fresh ports before giving up: losing a race for a random port even twice is rare. */
const START_ATTEMPTS_MAX = 5;

export interface StartEtcdOptions {
  /** A cluster of one (default), or of three, which survives the loss of one. Not for an external etcd. */
  readonly members?: 1 | 3;
  /** How large each member's data may grow before etcd takes no more writes. Not for an external etcd. */
  readonly quotaBytes?: number;
  /** Where etcd comes from; `ensureEtcd` decides if left out. */
  readonly source?: EtcdSource;
  readonly log?: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
  /** Ends the *start*; a cluster that is up is ended by disposing of it. */
  readonly signal?: AbortSignal | undefined;
  readonly readyTimeoutMs?: number;
}

export interface EtcdCluster extends AsyncDisposable {
  readonly source: EtcdSource;
  /** URLs for clients, one for each member. */
  readonly endpoints: readonly string[];
  /** Version of the server, e.g. "3.4.23". */
  readonly version: string;
  /** The members that can be stopped and started; none for an external etcd, which is not ours. */
  readonly members: readonly EtcdMember[];
  /** Undefined where there is no etcdctl. */
  readonly etcdctl: EtcdctlCommand | undefined;
  /** Ends all members and removes their data; leaves an external etcd alone. Safe to call again. */
  stop(): Promise<void>;
}

/**
 * Starts an etcd, or takes the external one; returns when every member answers a linearizable read.
 * @throws LabError `etcd-unavailable`, `etcd-failed` or `timeout`; the signal's reason when aborted.
 */
export async function startEtcd(options: StartEtcdOptions = {}): Promise<EtcdCluster> {
  const env = options.env ?? process.env;
  const log = options.log ?? (() => undefined);
  const { signal } = options;
  signal?.throwIfAborted();
  const source = options.source ?? (await ensureEtcd({ log, env, signal }));
  if (source.kind === 'external') return externalCluster(source, env);
  for (let attempt = 1; ; attempt += 1) {
    const name = `herald-etcd-${randomBytes(6).toString('hex')}`;
    const { members: memberCount = 1, quotaBytes } = options;
    const set = await layOut(source, { name, memberCount, quotaBytes, env });
    try {
      const end = await bringUp(set, options);
      if (end === undefined) return await clusterOf(source, set);
      if (!end.portTaken || attempt === START_ATTEMPTS_MAX) {
        throw new LabError('etcd-failed', `etcd did not come up: ${end.reason}`);
      }
    } catch (error) {
      await set.remove();
      throw error;
    }
    await set.remove();
    log('a port for etcd was taken in the meantime: trying others');
  }
}

function layOut(source: BinaryEtcd | DockerEtcd, plan: MemberSetPlan): Promise<MemberSet> {
  return source.kind === 'binary' ? processMembers(source, plan) : dockerMembers(source, plan);
}

/**
 * Launches all members at once, since none can serve before there is a quorum. Resolves when all
 * answer, or with how the first one ended: without it the others may wait for a quorum for ever.
 */
async function bringUp(set: MemberSet, options: StartEtcdOptions): Promise<MemberEnd | undefined> {
  const deadlineMs = performance.now() + (options.readyTimeoutMs ?? READY_TIMEOUT_MS);
  const oneFailed = new AbortController();
  const signal = options.signal
    ? AbortSignal.any([options.signal, oneFailed.signal])
    : oneFailed.signal;
  let firstEnd: MemberEnd | undefined;
  const starts = set.members.map(async (member) => {
    try {
      await member.runner.launch();
      const outcome = await member.untilReady(deadlineMs, signal);
      if (outcome.kind === 'ended') firstEnd ??= outcome.end;
    } catch (error) {
      // What the abort of the others brings about is not a failure of its own.
      if (!oneFailed.signal.aborted) throw error;
    }
    if (firstEnd) oneFailed.abort();
  });
  await settleAll(starts, oneFailed);
  return firstEnd;
}

/** Waits for all to settle, so that nothing runs on; the first failure ends the others and is thrown. */
async function settleAll(starts: readonly Promise<void>[], others: AbortController): Promise<void> {
  try {
    await Promise.all(starts);
  } catch (error) {
    others.abort();
    await Promise.allSettled(starts);
    throw error;
  }
}

async function clusterOf(source: EtcdSource, set: MemberSet): Promise<EtcdCluster> {
  const { members, etcdctl } = set;
  const endpoints = members.map((member) => member.clientEndpoint);
  const version = await readVersion(endpoints[0] ?? '');
  let ending: Promise<void> | undefined;
  const stop = (): Promise<void> => (ending ??= set.remove());
  return { source, endpoints, version, members, etcdctl, stop, [Symbol.asyncDispose]: stop };
}

async function externalCluster(source: ExternalEtcd, env: NodeJS.ProcessEnv): Promise<EtcdCluster> {
  const { endpoints, version } = source;
  const etcdctl = await localEtcdctl(endpoints, env);
  const stop = (): Promise<void> => Promise.resolve();
  return { source, endpoints, version, members: [], etcdctl, stop, [Symbol.asyncDispose]: stop };
}

/** The member that leads the Raft group, as one that answers sees it; undefined while none does. */
export async function findRaftLeader(cluster: EtcdCluster): Promise<EtcdMember | undefined> {
  for (const member of cluster.members) {
    // A member that is stopped or paused does not answer, and does not lead.
    const status = await readStatus(member.clientEndpoint).catch(() => undefined);
    if (status !== undefined && status.memberId === status.raftLeaderId) return member;
  }
  return undefined;
}
