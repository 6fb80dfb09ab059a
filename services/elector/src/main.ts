#!/usr/bin/env node
/**
 * The `herald-elector` process: an elector with the configuration, log, signals and exit codes of every
 * Herald process. SIGTERM steps down at once.
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
import type { ProcessContext } from '@herald/process';
import { Registry } from 'prom-client';
import { createElector } from './elector.ts';
import type { Elector } from './elector.ts';
import { isElectorError } from './errors.ts';
import { addLeaderRoute } from './http/leader-route.ts';
import {
  createMeter,
  exposeCandidacies,
  exposeHistory,
  exposeKeys,
  exposeRefusals,
} from './metrics.ts';
import { checkElectorOptions, electionsOf, electorOptionTable } from './options.ts';
import { openSecurity } from './security.ts';
import type { ElectorSecurity } from './security.ts';

type Context = ProcessContext<typeof electorOptionTable>;

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

async function startElector(
  context: Context,
  registry: Registry,
  { etcdAccess, keys, tls }: ElectorSecurity,
): Promise<Elector> {
  const { options, logger, signal } = context;
  const { id, cluster, connectionsPerAddressMax, listen, advertise, join, prefix } = options;
  try {
    return await createElector({
      ...{ id, cluster, listen, join, prefix, logger, signal, tls },
      insecure: options.insecure,
      connectionsPerAddressMax,
      elections: electionsOf(options),
      etcd: { endpoints: options.etcd, waitMs: options.etcdWaitMs, access: etcdAccess },
      ttlSeconds: options.ttlMs / 1_000,
      meter: createMeter(registry),
      ...(advertise === undefined ? {} : { advertise }),
      ...(keys === undefined ? {} : { signer: keys.signer, trust: keys.trust }),
    });
  } catch (error) {
    throw toProcessError(error, formatListenAddress(listen));
  }
}

function toProcessError(error: unknown, listen: string): unknown {
  if (error instanceof MemberError) {
    if (error.code === 'WRONG_CERTIFICATE') {
      return new ProcessError('BAD_CONFIGURATION', `--tls-cert: ${error.message}`);
    }
    const message = `--listen ${listen}: ${error.message}; stop what holds it or choose another`;
    return new ProcessError('ADDRESS_UNAVAILABLE', message);
  }
  if (isElectorError(error, 'ETCD_UNREACHABLE', 'ETCD_REFUSED')) {
    return new ProcessError('DEPENDENCY_UNAVAILABLE', `--etcd: ${error.message}`, {
      cause: error.cause,
    });
  }
  return error;
}

function describeReadiness(elector: Elector): { readonly ready: boolean; readonly reason: string } {
  const { refusal } = elector.history;
  if (refusal !== undefined) return { ready: false, reason: refusal };
  const troubled = elector.elections.filter(({ trouble }) => trouble !== '');
  const reason = troubled.map(({ election, trouble }) => `${election}: ${trouble}`).join('; ');
  return { ready: troubled.length === 0, reason: reason === '' ? 'in every election' : reason };
}

await runProcess(
  {
    name: 'herald-elector',
    summary:
      'Campaigns in elections on etcd, on behalf of the service it stands beside, and tells the ' +
      'gossip tier who leads.',
    version: ownVersion(),
    options: electorOptionTable,
    check: checkElectorOptions,
    examples: [
      'herald-elector --insecure --id a --cluster dev --election payments --address 127.0.0.1:9000',
      'herald-elector --id b --cluster prod --election payments=10.0.0.2:9000 --election ' +
        'reports=10.0.0.2:9001 --etcd https://etcd-1:2379 --etcd https://etcd-2:2379 --tls-ca ca.pem ' +
        '--tls-cert b.pem --tls-key b.key --signing-key signing.pem --trusted-keys trusted.pem',
    ],
  },
  async (context) => {
    const { options, logger, signal } = context;
    const registry = new Registry();
    const security = await openSecurity(context, registry);
    const elector = context.own('elector', await startElector(context, registry, security));
    exposeCandidacies(registry, elector.elections);
    exposeKeys(registry, elector.member, security.keys);
    exposeRefusals(registry, elector.member);
    exposeHistory(registry, elector);
    if (options.opsListen !== undefined) {
      const checks = { elections: () => describeReadiness(elector) };
      const server = await startOperationsServer({
        ...{ listen: options.opsListen, logger, signal, registry, checks },
        listenOption: '--ops-listen',
        defaultMetrics: true,
        title: 'Herald elector',
        version: ownVersion(),
        register: (routes) => {
          addLeaderRoute(routes, elector);
        },
      });
      context.own('operations server', server);
      logger.info({ url: server.url }, 'operations server ready');
    }
    await aborted(signal);
  },
);
