/**
 * Starts a lab. Decides the order: nodes come before electors, so that the first election is news to
 * a tier that stands. What was started is ended again when a later step fails.
 */
import { randomBytes } from 'node:crypto';
import { monotonicNowMs } from '@herald/process';
import { insecureLab, secureLab } from './authority/lab-security.ts';
import type { LabSecurity } from './authority/lab-security.ts';
import { ElectorTier } from './elector-tier.ts';
import { startEtcd } from './etcd/etcd-cluster.ts';
import type { EtcdCluster } from './etcd/etcd-cluster.ts';
import { EventQueue } from './event-queue.ts';
import { Lab } from './lab.ts';
import type { LabEvent, LabParts } from './lab.ts';
import { labDefaults, labNames, lazyDelayMsFor } from './lab-options.ts';
import type { LabOptions } from './lab-options.ts';
import { awaitChange } from './measure/await-change.ts';
import { NodeTier } from './node-tier.ts';
import { Notifier } from './notifier.ts';
import { assertPortsFree, planPorts } from './ports.ts';
import type { PortPlan } from './ports.ts';
import { takeFreePorts } from './process/free-ports.ts';

/** From "elector ready" to the first leader: they campaign at once. */
const firstLeaderTimeoutMs = 30_000;

/** Starts a lab; resolves when the nodes know the first leader. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const startMs = monotonicNowMs();
  const started: AsyncDisposable[] = [];
  const own = <Owned extends AsyncDisposable>(resource: Owned): Owned => {
    started.push(resource);
    return resource;
  };
  try {
    const parts = await bringUp(options, own);
    const allUpMs = monotonicNowMs();
    const elected = await awaitChange(parts, {
      afterEpoch: 0n,
      timeoutMs: firstLeaderTimeoutMs,
      signal: options.signal,
    });
    const readyMs = elected.publishedMs + (elected.maxMs ?? 0) - startMs;
    return new Lab(parts, { elected, readyMs, allUpMs });
  } catch (error) {
    for (const resource of started.reverse()) await resource[Symbol.asyncDispose]();
    throw error;
  }
}

type Own = <Owned extends AsyncDisposable>(resource: Owned) => Owned;

async function bringUp(options: LabOptions, own: Own): Promise<LabParts> {
  const events = new EventQueue<LabEvent>();
  const notifier = new Notifier();
  const ports = await choosePorts(options);
  const electorIds = ports.electors.map((_, index) => `elector-${String(index + 1)}`);
  const isPlain = options.insecure === true;
  const security = own(isPlain ? insecureLab : await secureLab(labNames.cluster, electorIds));
  const nodes = own(newNodeTier(options, security, ports, events, notifier));
  const etcd = await startBoth(options, (signal) => ({
    etcd: provideEtcd({ ...options, signal }, own),
    nodes: startNodes(nodes, { ...options, signal }),
  }));
  const prefix = `herald-lab/${randomBytes(6).toString('hex')}`;
  const electors = own(
    new ElectorTier({
      etcd,
      prefix,
      ids: electorIds,
      ports: ports.electors,
      security,
      ttlSeconds: options.ttlSeconds ?? labDefaults.ttlSeconds,
      seeds: nodes.seeds,
      logLevel: 'info',
      onChange: () => {
        notifier.notify();
      },
      onEvent: (event) => {
        events.push(event);
      },
    }),
  );
  const total = ports.electors.length;
  await electors.start((ready) => {
    options.progress?.({ kind: 'electors', ready, total });
  }, options.signal);
  const electionPrefix = `${prefix}/${labNames.election}/`;
  const ownsEtcd = typeof options.etcd !== 'object';
  return { security, etcd, ownsEtcd, electionPrefix, nodes, electors, events, notifier };
}

/**
 * Starts etcd and the nodes at the same time: both take a while, and neither needs the other. Waits
 * for both in any case, so that none is still starting when the other's failure is cleaned up.
 */
async function startBoth(
  options: LabOptions,
  start: (signal: AbortSignal) => {
    readonly etcd: Promise<EtcdCluster>;
    readonly nodes: Promise<void>;
  },
): Promise<EtcdCluster> {
  const failed = new AbortController();
  const signal =
    options.signal === undefined ? failed.signal : AbortSignal.any([options.signal, failed.signal]);
  const { etcd, nodes } = start(signal);
  const abort = (reason: unknown): void => {
    failed.abort(reason);
  };
  etcd.catch(abort);
  nodes.catch(abort);
  const results = await Promise.allSettled([etcd, nodes]);
  if (failed.signal.aborted) throw failed.signal.reason;
  if (results[0].status === 'rejected') throw results[0].reason;
  return results[0].value;
}

async function choosePorts(options: LabOptions): Promise<PortPlan> {
  const { portBase, electors = labDefaults.electors, nodes = labDefaults.nodes } = options;
  const { host } = labNames;
  // An elector that is started again comes back under its port, so it is one that stays free.
  if (portBase === undefined)
    return { electors: await takeFreePorts(electors, host), firstNode: 0 };
  await assertPortsFree(portBase, electors + nodes, host);
  return planPorts(portBase, electors);
}

async function provideEtcd(options: LabOptions, own: Own): Promise<EtcdCluster> {
  const { etcd = labDefaults.etcdMembers, env, signal, progress } = options;
  if (typeof etcd === 'object') return etcd;
  const cluster = await startEtcd({
    members: etcd,
    signal,
    log: (text) => progress?.({ kind: 'note', text }),
    ...(env && { env }),
  });
  own(cluster);
  progress?.({ kind: 'etcd', etcd: cluster });
  return cluster;
}

function newNodeTier(
  options: LabOptions,
  security: LabSecurity,
  ports: PortPlan,
  events: EventQueue<LabEvent>,
  notifier: Notifier,
): NodeTier {
  const { cluster, election, host } = labNames;
  const { fanout, logLevel = labDefaults.logLevel, onWorkerLine = () => undefined } = options;
  const nodes = options.nodes ?? labDefaults.nodes;
  const lazyDelayMs = lazyDelayMsFor(nodes);
  return new NodeTier({
    tier: {
      cluster,
      election,
      host,
      logLevel,
      lazyDelayMs,
      ...(fanout !== undefined && { fanout }),
      ...(security.nodes && { security: security.nodes }),
    },
    nodes,
    nodesPerProcess: options.nodesPerProcess ?? labDefaults.nodesPerProcess,
    firstPort: ports.firstNode,
    onLine: onWorkerLine,
    onWorkerEnd: (worker, how) => {
      events.push({ kind: 'worker-ended', worker, how });
      notifier.notify();
    },
  });
}

async function startNodes(nodes: NodeTier, options: LabOptions): Promise<void> {
  const { progress, signal } = options;
  await nodes.start(signal);
  const total = nodes.liveNodes;
  const processes = nodes.workers.length;
  // One node alone has nobody to link to before the electors come.
  if (total === 1) return;
  await nodes.untilLinked((linked) => {
    progress?.({ kind: 'nodes', linked, total, processes });
  }, signal);
  await nodes.untilCalm(signal);
}
