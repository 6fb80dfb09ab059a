/** What `npm start` is told: its options, and the rules between them. */
import { defineOptions, durationMs, onOff, oneOf, text, wholeNumber } from '@herald/process';
import type { OptionProblem, ParsedOptions } from '@herald/process';
import { etcdEndpointsOption } from './etcd-option.ts';
import { labDefaults, labLimits } from './lab-options.ts';

const { nodesMax, electorsMax, nodesPerProcessMax, ttlSecondsMax, fanoutMax } = labLimits;
const portMax = 65_535;
/**
 * Survivors and losses of hundreds share this machine's cores in the lab, where in the field each has its
 * own: what takes a second there takes half a minute here.
 */
const loseNodesAutoMax = 100;
/** Below are ports that a user may not bind. */
const portBaseMin = 1_024;

export const labProcessOptions = defineOptions({
  nodes: {
    flag: '--nodes <count>',
    schema: wholeNumber({ min: 1, max: nodesMax }),
    default: String(labDefaults.nodes),
    description: 'Gossip nodes; each is a full member with a port and a server of its own',
    group: 'Lab',
  },
  electors: {
    flag: '--electors <count>',
    schema: wholeNumber({ min: 1, max: electorsMax }),
    default: String(labDefaults.electors),
    description: 'Elector processes, each a candidate of the election',
    group: 'Lab',
  },
  etcd: {
    flag: '--etcd <members>',
    schema: oneOf(['1', '3']),
    default: String(labDefaults.etcdMembers),
    description: 'Members of the etcd that is started: 1 or 3',
    group: 'Lab',
  },
  etcdEndpoints: { ...etcdEndpointsOption, group: 'Lab' },
  ttl: {
    flag: '--ttl <duration>',
    schema: durationMs({ minMs: 1_000, maxMs: ttlSecondsMax * 1_000 }),
    default: `${String(labDefaults.ttlSeconds)}s`,
    description: 'TTL of the leader’s lease, in whole seconds: how long a crash goes unnoticed',
    group: 'Lab',
  },
  insecure: {
    flag: '--insecure',
    schema: onOff(),
    description: 'Plain text and unsigned records, instead of certificates and keys for everybody',
    group: 'Lab',
  },
  once: {
    flag: '--once',
    schema: onOff(),
    description: 'End after the demonstration, with exit code 1 if any part of it did not hold',
    group: 'Lab',
  },
  json: {
    flag: '--json <file>',
    schema: text(),
    optional: true,
    description: 'Also write what was measured to this file',
    group: 'Lab',
  },
  portBase: {
    flag: '--port-base <port>',
    schema: wholeNumber({ min: portBaseMin, max: portMax }),
    optional: true,
    description: 'First of the ports for electors and then nodes; free ones are taken unless given',
    group: 'Lab',
  },
  nodesPerProcess: {
    flag: '--nodes-per-process <count>',
    schema: wholeNumber({ min: 1, max: nodesPerProcessMax }),
    optional: true,
    description:
      `Gossip nodes that share a worker process; half of them unless given, and at most ` +
      String(labDefaults.nodesPerProcess),
    group: 'Lab',
  },
  loseNodes: {
    flag: '--lose-nodes <when>',
    schema: oneOf(['auto', 'on', 'off']),
    default: 'auto',
    description:
      'Whether a worker process is killed at the end, with all its nodes: on, off, or with ' +
      `up to ${String(loseNodesAutoMax)} nodes`,
    group: 'Lab',
  },
  fanout: {
    flag: '--fanout <links>',
    schema: wholeNumber({ min: 2, max: fanoutMax }),
    optional: true,
    description: 'Links that each node dials; the default of a gossip node unless given',
    group: 'Lab',
  },
});

export type LabProcessOptions = ParsedOptions<typeof labProcessOptions>;

/** Two processes at least, so that there is something to lose. */
export function nodesPerProcessOf(
  options: Pick<LabProcessOptions, 'nodes' | 'nodesPerProcess'>,
): number {
  const half = Math.ceil(options.nodes / 2);
  return options.nodesPerProcess ?? Math.min(labDefaults.nodesPerProcess, half);
}

export function losesNodes({
  loseNodes,
  nodes,
}: Pick<LabProcessOptions, 'loseNodes' | 'nodes'>): boolean {
  return loseNodes === 'on' || (loseNodes === 'auto' && nodes <= loseNodesAutoMax);
}

/** Rules between options, and those that no schema states. */
export function checkLabOptions(options: LabProcessOptions): readonly OptionProblem[] {
  const { ttl, portBase, nodes, electors } = options;
  const problems: OptionProblem[] = [];
  if (ttl % 1_000 !== 0) {
    problems.push({ field: '--ttl', message: 'must be in whole seconds, as etcd’s leases are' });
  }
  const portLast = (portBase ?? 0) + electors + nodes - 1;
  if (portBase !== undefined && portLast > portMax) {
    const most = portMax - electors - nodes + 1;
    const needed = `${String(electors)} electors and ${String(nodes)} nodes`;
    const message = `must be at most ${String(most)} for ${needed}, got ${String(portBase)}`;
    problems.push({ field: '--port-base', message });
  }
  return problems;
}
