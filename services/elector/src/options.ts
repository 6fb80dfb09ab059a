/**
 * Decides how a `herald-elector` process is told what to do: flags and `HERALD_*` variables, in the one
 * table from which validation and help follow.
 */
import {
  limits,
  parseAddress,
  parseClusterName,
  parseElectionName,
  parseNodeId,
} from '@herald/core';
import {
  advertisedAddress,
  advertiseRule,
  connectionsPerAddressOption,
  defineOptions,
  durationMs,
  httpEndpoint,
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
} from '@herald/process';
import type { OptionProblem, ParsedOptions } from '@herald/process';
import { checkProfile } from './campaign/candidate.ts';
import { parsePrefix } from './campaign/election-keys.ts';
import { defaults, electorLimits } from './config.ts';
import type { ElectionOptions } from './elector.ts';

/** `payments` or `payments=10.0.0.1:9000`. */
function parseElection(text: string): Pick<ElectionOptions, 'name' | 'address'> {
  const separator = text.indexOf('=');
  if (separator < 0) return { name: parseElectionName(text) };
  const address = parseAddress(text.slice(separator + 1));
  return { name: parseElectionName(text.slice(0, separator)), address };
}

const wholeSeconds = 'must be whole seconds, since leases in etcd are';
const endpointsMax = 16;

export const electorOptionTable = defineOptions({
  id: {
    flag: '--id <name>',
    env: 'HERALD_ID',
    schema: parsedBy(parseNodeId),
    description: 'Stable name of this elector, unique in the cluster',
    group: 'Election',
  },
  cluster: {
    flag: '--cluster <name>',
    env: 'HERALD_CLUSTER',
    schema: parsedBy(parseClusterName),
    description: 'Cluster that it belongs to; members of others are refused',
    group: 'Election',
  },
  elections: {
    flag: '--election <name[=address]>',
    env: 'HERALD_ELECTIONS',
    repeatable: true,
    schema: listOf(parsedBy(parseElection), { min: 1 }),
    description: 'Election to take part in, and where its service is reached if not at --address',
    group: 'Election',
  },
  address: {
    flag: '--address <host:port>',
    env: 'HERALD_ADDRESS',
    schema: parsedBy((text) => parseAddress(text)),
    optional: true,
    description: 'Where the service that it campaigns for is reached; its own address unless given',
    group: 'Election',
  },
  metadata: {
    flag: '--metadata <key=value>',
    env: 'HERALD_METADATA',
    repeatable: true,
    schema: keyValues({ max: limits.metadataEntriesMax }),
    description: 'Travels with the record of the leader',
    group: 'Election',
  },
  ttlMs: {
    flag: '--ttl <duration>',
    env: 'HERALD_TTL',
    schema: durationMs({
      minMs: electorLimits.ttlSecondsMin * 1_000,
      maxMs: electorLimits.ttlSecondsMax * 1_000,
    }).refine((ms) => ms % 1_000 === 0, wholeSeconds),
    default: `${defaults.ttlSeconds}s`,
    description: 'How long its leases live without a renewal; etcd may grant more',
    group: 'Election',
  },
  etcd: {
    flag: '--etcd <url>',
    env: 'HERALD_ETCD_ENDPOINTS',
    repeatable: true,
    schema: listOf(httpEndpoint(), { min: 1, max: endpointsMax }),
    default: ['http://127.0.0.1:2379'],
    description: 'Client endpoint of an etcd member',
    group: 'etcd',
  },
  prefix: {
    flag: '--prefix <path>',
    env: 'HERALD_PREFIX',
    schema: parsedBy(parsePrefix),
    default: defaults.prefix,
    description: 'Under which keys the elections lie in etcd',
    group: 'etcd',
  },
  etcdCa: {
    flag: '--etcd-ca <file>',
    env: 'HERALD_ETCD_CA',
    schema: text(),
    optional: true,
    description: 'Authorities of etcd’s certificate (PEM); those of the system unless given',
    group: 'etcd',
  },
  etcdCert: {
    flag: '--etcd-cert <file>',
    env: 'HERALD_ETCD_CERT',
    schema: text(),
    optional: true,
    description: 'Certificate to show to etcd (PEM); read again when replaced, as its key is',
    group: 'etcd',
  },
  etcdKey: {
    flag: '--etcd-key <file>',
    env: 'HERALD_ETCD_KEY',
    schema: text(),
    optional: true,
    description: 'The private key of that certificate (PEM)',
    group: 'etcd',
  },
  etcdUsername: {
    flag: '--etcd-username <name>',
    env: 'HERALD_ETCD_USERNAME',
    schema: text(),
    optional: true,
    description: 'User of etcd, where it asks for one',
    group: 'etcd',
  },
  etcdPasswordFile: {
    flag: '--etcd-password-file <file>',
    env: 'HERALD_ETCD_PASSWORD_FILE',
    schema: text(),
    optional: true,
    description: 'File with that user’s password; read again when replaced',
    group: 'etcd',
  },
  etcdWaitMs: {
    flag: '--etcd-wait <duration>',
    env: 'HERALD_ETCD_WAIT',
    schema: durationMs({ minMs: 100, maxMs: 3_600_000 }),
    default: `${defaults.etcdWaitMs / 1_000}s`,
    description: 'How long to wait for etcd at the start',
    group: 'etcd',
  },
  listen: {
    flag: '--listen <host:port>',
    env: 'HERALD_LISTEN',
    schema: listenAddress(),
    default: '0.0.0.0:7400',
    description: 'Where to serve gRPC: the links of the tier, Confirm, Status, StepDown',
    group: 'Network',
  },
  advertise: {
    flag: '--advertise <host:port>',
    env: 'HERALD_ADVERTISE',
    schema: advertisedAddress(),
    optional: true,
    description:
      'Where others reach this elector; the host own-address is the one address of the machine or ' +
      'container, and without the option it is the address listened on',
    group: 'Network',
  },
  join: {
    flag: '--join <host:port>',
    env: 'HERALD_JOIN',
    repeatable: true,
    schema: listOf(parsedBy((text) => parseAddress(text))),
    description: 'Member to join the tier by; electors also find each other through etcd',
    group: 'Network',
  },
  connectionsPerAddressMax: connectionsPerAddressOption,
  opsListen: {
    flag: '--ops-listen <host:port>',
    env: 'HERALD_OPS_LISTEN',
    schema: listenAddress(),
    optional: true,
    description:
      'Where to serve /leader, /livez, /readyz and /metrics over HTTP; nowhere unless given',
    group: 'Network',
  },
  signingKey: {
    flag: '--signing-key <file>',
    env: 'HERALD_SIGNING_KEY',
    schema: text(),
    optional: true,
    description: 'Its key to sign records with (PEM, Ed25519); read again when replaced',
    group: 'Security',
  },
  trustedKeys: trustedKeysOption,
  ...tlsOptions,
});

export type ElectorProcessOptions = ParsedOptions<typeof electorOptionTable>;

/** Rules between options. */
export function checkElectorOptions(options: ElectorProcessOptions): readonly OptionProblem[] {
  const problems: OptionProblem[] = [];
  const seen = new Set<string>();
  for (const { name } of options.elections) {
    if (seen.has(name)) problems.push({ field: '--election', message: `names ${name} twice` });
    seen.add(name);
  }
  if (options.listen.port !== 0 && options.listen.port === options.opsListen?.port) {
    const message = `must differ from the port of --listen, got ${options.listen.port}`;
    problems.push({ field: '--ops-listen', message });
  }
  const { advertise, join, listen } = options;
  const isElsewhere = join.some((address) => !isLoopback(address));
  if (advertise === undefined && isWildcard(listen) && isElsewhere) {
    problems.push({ field: '--advertise', message: advertiseRule(listen, 'this elector') });
  }
  problems.push(
    ...securityProblems(options.insecure, {
      '--tls-cert': options.tlsCert,
      '--tls-key': options.tlsKey,
      '--tls-ca': options.tlsCa,
      '--signing-key': options.signingKey,
      '--trusted-keys': options.trustedKeys,
    }),
  );
  problems.push(...etcdProblems(options));
  const own = options.advertise ?? parseAddress('placeholder-of-the-longest-usual-length:65535');
  try {
    checkProfile({
      id: options.id,
      address: options.address ?? own,
      electorAddress: own,
      metadata: options.metadata,
      ttlSeconds: options.ttlMs / 1_000,
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    problems.push({ field: '--metadata', message });
  }
  return problems;
}

/** What is shown to etcd comes in pairs, and nothing secret goes over the network in plain text. */
function etcdProblems(options: ElectorProcessOptions): readonly OptionProblem[] {
  const { etcd, etcdCa, etcdCert, etcdKey, etcdUsername, etcdPasswordFile, insecure } = options;
  const problems: OptionProblem[] = [];
  const pair = (one: string, other: string, isGiven: boolean, isOtherGiven: boolean): void => {
    const [missing, given] = isGiven ? [other, one] : [one, other];
    if (isGiven === isOtherGiven) return;
    problems.push({ field: missing, message: `is required with ${given}` });
  };
  pair('--etcd-cert', '--etcd-key', etcdCert !== undefined, etcdKey !== undefined);
  pair(
    '--etcd-username',
    '--etcd-password-file',
    etcdUsername !== undefined,
    etcdPasswordFile !== undefined,
  );
  const plain = etcd.filter((url) => url.startsWith('http://'));
  const usesTls = plain.length < etcd.length || etcdCa !== undefined || etcdCert !== undefined;
  if (usesTls && plain.length > 0) {
    const message = `must all begin with https:// where one does, or --etcd-ca is given; got ${plain.join(', ')}`;
    problems.push({ field: '--etcd', message });
  }
  const away = plain.filter((url) => !isLoopback(url.slice('http://'.length)));
  if (!insecure && away.length > 0) {
    const message = `must begin with https:// unless it is on this machine, or --insecure is said; got ${away.join(', ')}`;
    problems.push({ field: '--etcd', message });
  }
  return problems;
}

/** The elections, each with its address and the metadata that all share. */
export function electionsOf(options: ElectorProcessOptions): readonly ElectionOptions[] {
  return options.elections.map(({ name, address = options.address }) => ({
    name,
    metadata: options.metadata,
    ...(address === undefined ? {} : { address }),
  }));
}
