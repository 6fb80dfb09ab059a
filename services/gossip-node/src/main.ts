#!/usr/bin/env node
/**
 * The `herald-gossip-node` process: a gossip node with the configuration, log, signals and exit codes
 * of every Herald process.
 */
import { readFileSync } from 'node:fs';
import { MemberError } from '@herald/member';
import {
  aborted,
  formatListenAddress,
  ProcessError,
  runProcess,
  startOperationsServer,
} from '@herald/process';
import type { ProcessContext, Readiness } from '@herald/process';
import { Registry } from 'prom-client';
import { createGossipNode } from './gossip-node.ts';
import type { GossipNode } from './gossip-node.ts';
import { addNodeRoutes } from './http/node-routes.ts';
import { createArrivalMeter, exposeNode } from './metrics.ts';
import { checkNodeOptions, factsOf, nodeIdOf, nodeOptionTable } from './options.ts';
import { openSecurity } from './security.ts';
import type { NodeSecurity } from './security.ts';

type Context = ProcessContext<typeof nodeOptionTable>;

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

async function startNode(
  context: Context,
  registry: Registry,
  { tls, trust }: NodeSecurity,
): Promise<GossipNode> {
  const { logger, options } = context;
  const { advertise, cluster, connectionsPerAddressMax, fanout, join, listen } = options;
  const { watchesMax } = options;
  try {
    return await createGossipNode({
      ...{ cluster, listen, logger, watchesMax, seeds: join, tls, nodeId: nodeIdOf(options) },
      connectionsPerAddressMax,
      observer: createArrivalMeter(registry),
      application: factsOf(options, ownVersion()),
      ...(advertise === undefined ? {} : { advertise }),
      ...(fanout === undefined ? {} : { tuning: { fanout } }),
      ...(trust === undefined ? {} : { trust }),
    });
  } catch (error) {
    if (!(error instanceof MemberError)) throw error;
    if (error.code === 'WRONG_CERTIFICATE') {
      throw new ProcessError('BAD_CONFIGURATION', `--tls-cert: ${error.message}`);
    }
    const where = formatListenAddress(listen);
    const message = `--listen ${where}: ${error.message}; stop what holds it or choose another`;
    throw new ProcessError('ADDRESS_UNAVAILABLE', message);
  }
}

/** Ready when it can know: linked, or alone because nobody was named to it. */
function describeReadiness({ member }: GossipNode, isAlone: boolean): Readiness {
  const { inbound, outbound } = member.stats().links;
  const links = inbound + outbound;
  if (links > 0) return { ready: true, reason: `${links} links` };
  if (member.isIsolated()) return { ready: false, reason: 'isolated: no link to any member' };
  return isAlone
    ? { ready: true, reason: 'no member to join was given' }
    : { ready: false, reason: 'joining: no link yet' };
}

await runProcess(
  {
    name: 'herald-gossip-node',
    summary:
      'Holds who leads each election of a cluster, passes it on to other members, and answers ' +
      'clients.',
    version: ownVersion(),
    options: nodeOptionTable,
    check: checkNodeOptions,
    examples: [
      'herald-gossip-node --insecure --cluster dev --join 127.0.0.1:7400',
      'herald-gossip-node --cluster prod --id node-7 --listen 0.0.0.0:7410 --advertise ' +
        '10.0.0.7:7410 --join 10.0.0.1:7400 --tls-ca ca.pem --tls-cert node-7.pem --tls-key ' +
        'node-7.key --trusted-keys trusted.pem',
    ],
  },
  async (context) => {
    const { logger, options, signal } = context;
    const registry = new Registry();
    const security = await openSecurity(context, registry);
    const node = context.own('gossip node', await startNode(context, registry, security));
    exposeNode(registry, node.member);
    logger.info({ nodeId: node.nodeId, address: node.address }, 'node ready');
    if (options.opsListen !== undefined) {
      const isAlone = options.join.length === 0;
      const checks = { links: () => describeReadiness(node, isAlone) };
      const server = await startOperationsServer({
        ...{ listen: options.opsListen, logger, signal, registry, checks },
        listenOption: '--ops-listen',
        defaultMetrics: true,
        title: 'Herald gossip node',
        version: ownVersion(),
        register: (routes) => {
          addNodeRoutes(routes, node.member);
        },
      });
      context.own('operations server', server);
      logger.info({ url: server.url }, 'operations server ready');
    }
    await aborted(signal);
  },
);
