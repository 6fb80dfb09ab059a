/** What `npm run example` is told: its options, and the rules between them. */
import { randomInt } from 'node:crypto';
import { etcdEndpointsOption } from '@herald/lab';
import {
  defineOptions,
  durationMs,
  formatDurationMs,
  listOf,
  oneOf,
  onOff,
  text,
  wholeNumber,
} from '@herald/process';
import type { OptionProblem, ParsedOptions } from '@herald/process';
import { causes } from './chaos/troubles.ts';

/** What Herald promises of a failover: a call that may take longer than TTL + 2 s does not fail. */
const promisedBeyondTtlMs = 2_000;
/** Customers wait 3 s more than that: the whole cluster shares this machine with whatever else runs on it. */
const patienceBeyondTtlMs = 5_000;
/** Seeds are shown to people, who type them in again. */
const seedMax = 999_999;
/** etcd leases come in whole seconds, and below 2 s it grants more than one asked for. */
const ttlMsMin = 2_000;
const ttlMsMax = 60_000;
const patienceMsMax = 600_000;
const customersMax = 500;
const nodesMax = 100;
const secondsMax = 86_400;

export const exampleOptions = defineOptions({
  seconds: {
    flag: '--seconds <count>',
    schema: wholeNumber({ min: 1, max: secondsMax }),
    default: '120',
    description: 'For how long leaders are troubled',
    group: 'Ticket office',
  },
  seed: {
    flag: '--seed <number>',
    schema: wholeNumber({ min: 0, max: seedMax }),
    optional: true,
    description: 'What happens to leaders, in which order; a random one unless given',
    group: 'Ticket office',
  },
  customers: {
    flag: '--customers <count>',
    schema: wholeNumber({ min: 4, max: customersMax }),
    default: '50',
    description: 'Who draw tickets at the same time',
    group: 'Ticket office',
  },
  nodes: {
    flag: '--nodes <count>',
    schema: wholeNumber({ min: 1, max: nodesMax }),
    default: '6',
    description: 'Gossip nodes by which customers find the leader',
    group: 'Ticket office',
  },
  ttl: {
    flag: '--ttl <duration>',
    schema: durationMs({ minMs: ttlMsMin, maxMs: ttlMsMax }),
    default: '3s',
    description: 'TTL of the leader’s lease, in whole seconds',
    group: 'Ticket office',
  },
  patience: {
    flag: '--patience <duration>',
    schema: durationMs({ minMs: 1_000, maxMs: patienceMsMax }),
    optional: true,
    description: 'How long patient customers wait; 5 s more than the TTL unless given',
    group: 'Ticket office',
  },
  causes: {
    flag: '--cause <name>',
    repeatable: true,
    schema: listOf(oneOf(causes)),
    description: `What happens to leaders: ${causes.join(', ')}; all of it unless given`,
    group: 'Ticket office',
  },
  fence: {
    flag: '--fence',
    schema: onOff(),
    default: 'true',
    description: 'Refuse the late writes of those who led once; see what --no-fence comes to',
    group: 'Ticket office',
  },
  insecure: {
    flag: '--insecure',
    schema: onOff(),
    description: 'Herald in plain text, without certificates and signatures',
    group: 'Ticket office',
  },
  json: {
    flag: '--json <file>',
    schema: text(),
    optional: true,
    description: 'Also write what was measured to this file',
    group: 'Ticket office',
  },
  etcdEndpoints: { ...etcdEndpointsOption, group: 'Ticket office' },
});

export type ExampleOptions = ParsedOptions<typeof exampleOptions>;

/** Rules between options, and those that no schema states. */
export function checkExampleOptions(options: ExampleOptions): readonly OptionProblem[] {
  const { ttl } = options;
  const problems: OptionProblem[] = [];
  if (ttl % 1_000 !== 0) {
    problems.push({ field: '--ttl', message: 'must be in whole seconds, as etcd’s leases are' });
  }
  const leastMs = ttl + promisedBeyondTtlMs;
  if (patienceMsOf(options) < leastMs) {
    const message = `must be at least ${formatDurationMs(leastMs)}, 2 s more than the TTL`;
    problems.push({ field: '--patience', message });
  }
  return problems;
}

export function patienceMsOf({ ttl, patience }: ExampleOptions): number {
  return patience ?? ttl + patienceBeyondTtlMs;
}

export function chooseSeed({ seed }: ExampleOptions): number {
  return seed ?? randomInt(seedMax + 1);
}
