/**
 * Decides how a `herald-gossip-node` process is told what to do: flags and `HERALD_*` variables, in the
 * one table from which validation and help follow.
 */
import { hostname } from 'node:os';
import {
  InvalidValueError,
  checkFacts,
  limits,
  parseAddress,
  parseClusterName,
  parseNodeId,
} from '@herald/core';
import type { ApplicationFacts, NodeId } from '@herald/core';
import { nodeWatchesMax } from '@herald/member';
import {
  advertisedAddress,
  advertiseRule,
  connectionsPerAddressOption,
  defineOptions,
  isLoopback,
  isWildcard,
  keyValues,
  listenAddress,
  listOf,
  parsedBy,
  securityProblems,
  text,
  tlsOptions,
  trustedKeysOption,
  wholeNumber,
} from '@herald/process';
import type { OptionProblem, ParsedOptions } from '@herald/process';

const fanoutMax = 16;

export const nodeOptionTable = defineOptions({
  id: {
    flag: '--id <name>',
    env: 'HERALD_ID',
    schema: parsedBy(parseNodeId),
    optional: true,
    description:
      'Stable name of this node, unique in the cluster; the host name and the port unless given',
    group: 'Member',
  },
  cluster: {
    flag: '--cluster <name>',
    env: 'HERALD_CLUSTER',
    schema: parsedBy(parseClusterName),
    description: 'Cluster that it belongs to; members of others are refused',
    group: 'Member',
  },
  zone: {
    flag: '--zone <name>',
    env: 'HERALD_ZONE',
    schema: text(),
    optional: true,
    description: 'Failure domain that it stands in, told to all members',
    group: 'Member',
  },
  metadata: {
    flag: '--metadata <key=value>',
    env: 'HERALD_METADATA',
    repeatable: true,
    schema: keyValues({ max: limits.metadataEntriesMax }),
    description: 'Told to all members beside its zone and build',
    group: 'Member',
  },
  fanout: {
    flag: '--fanout <links>',
    env: 'HERALD_FANOUT',
    schema: wholeNumber({ min: 2, max: fanoutMax }),
    optional: true,
    description: 'Links that it dials; more mean fewer hops and more idle traffic',
    group: 'Member',
  },
  listen: {
    flag: '--listen <host:port>',
    env: 'HERALD_LISTEN',
    schema: listenAddress(),
    default: '0.0.0.0:7410',
    description: 'Where to serve gRPC: the links of the tier, and questions of clients',
    group: 'Network',
  },
  advertise: {
    flag: '--advertise <host:port>',
    env: 'HERALD_ADVERTISE',
    schema: advertisedAddress(),
    optional: true,
    description:
      'Where others reach this node; the host own-address is the one address of the machine or ' +
      'container, and without the option it is the address listened on',
    group: 'Network',
  },
  join: {
    flag: '--join <host:port>',
    env: 'HERALD_JOIN',
    repeatable: true,
    schema: listOf(parsedBy((text) => parseAddress(text))),
    description: 'Member to join the tier by; tried again for ever, may name this node itself',
    group: 'Network',
  },
  watchesMax: {
    flag: '--watches-max <count>',
    env: 'HERALD_WATCHES_MAX',
    schema: wholeNumber({ min: 0, max: 1_000_000 }),
    default: String(nodeWatchesMax),
    description: 'Watches of clients served at the same time; others are sent elsewhere',
    group: 'Network',
  },
  connectionsPerAddressMax: connectionsPerAddressOption,
  opsListen: {
    flag: '--ops-listen <host:port>',
    env: 'HERALD_OPS_LISTEN',
    schema: listenAddress(),
    optional: true,
    description: 'Where to serve /v1, /livez, /readyz and /metrics over HTTP; nowhere unless given',
    group: 'Network',
  },
  trustedKeys: trustedKeysOption,
  ...tlsOptions,
});

export type NodeProcessOptions = ParsedOptions<typeof nodeOptionTable>;

/** Rules between options. */
export function checkNodeOptions(options: NodeProcessOptions): readonly OptionProblem[] {
  const { advertise, id, join, listen, opsListen } = options;
  const problems: OptionProblem[] = [];
  if (listen.port !== 0 && listen.port === opsListen?.port) {
    const message = `must differ from the port of --listen, got ${listen.port}`;
    problems.push({ field: '--ops-listen', message });
  }
  const isElsewhere = join.some((address) => !isLoopback(address));
  if (advertise === undefined && isWildcard(listen) && isElsewhere) {
    problems.push({ field: '--advertise', message: advertiseRule(listen, 'this node') });
  }
  if (id === undefined && listen.port === 0) {
    const message = 'is required with port 0: a name that changes with each start is not stable';
    problems.push({ field: '--id', message });
  }
  const security = securityProblems(options.insecure, {
    '--tls-cert': options.tlsCert,
    '--tls-key': options.tlsKey,
    '--tls-ca': options.tlsCa,
    '--trusted-keys': options.trustedKeys,
  });
  return [...problems, ...security, ...factProblems(options)];
}

/** What all others are told of this node. */
export function factsOf(
  { metadata, zone = '' }: Pick<NodeProcessOptions, 'metadata' | 'zone'>,
  build: string,
): ApplicationFacts {
  return { zone, build, metadata };
}

function factProblems(options: NodeProcessOptions): readonly OptionProblem[] {
  const { zone, metadata } = factsOf(options, '');
  const problemOf = (field: string, facts: ApplicationFacts): readonly OptionProblem[] => {
    try {
      checkFacts(facts);
      return [];
    } catch (error) {
      if (!(error instanceof InvalidValueError)) throw error;
      return [{ field, message: error.message }];
    }
  };
  return [
    ...problemOf('--zone', { zone, build: '', metadata: {} }),
    ...problemOf('--metadata', { zone: '', build: '', metadata }),
  ];
}

/** The node's name: as given, else from the host's name and the port, so that a restart keeps it. */
export function nodeIdOf({ id, listen }: Pick<NodeProcessOptions, 'id' | 'listen'>): NodeId {
  if (id !== undefined) return id;
  const suffix = `-${listen.port}`;
  const host = hostname()
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, limits.nameBytesMax - suffix.length);
  return parseNodeId(`${host === '' ? 'node' : host}${suffix}`);
}
