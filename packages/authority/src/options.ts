/** What `herald-authority` is told, and the rules between its options. */
import { parseClusterName, parseNodeId } from '@herald/core';
import { defineOptions, listOf, parsedBy, text, wholeNumber } from '@herald/process';
import type { OptionProblem, ParsedOptions } from '@herald/process';
import { planProblem } from './holdings.ts';

/** As in a name of DNS, which is what the others dial; also the name of a folder. */
const hostName = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;

function parseHostName(given: string): string {
  if (hostName.test(given)) return given;
  throw new Error('must be a host name: letters, digits, hyphens and dots');
}

export const authorityOptionTable = defineOptions({
  cluster: {
    flag: '--cluster <name>',
    env: 'HERALD_CLUSTER',
    schema: parsedBy(parseClusterName),
    description: 'Cluster whose certificates and keys they are',
    group: 'Cluster',
  },
  electors: {
    flag: '--elector <id>',
    repeatable: true,
    schema: listOf(parsedBy(parseNodeId), { min: 1 }),
    description: 'Elector that is given a certificate and a signing key of its own',
    group: 'Cluster',
  },
  etcd: {
    flag: '--etcd <host>',
    repeatable: true,
    schema: listOf(parsedBy(parseHostName)),
    description: 'Member of etcd, by the host name that others dial; none unless given',
    group: 'Cluster',
  },
  out: {
    flag: '--out <folder>',
    schema: text(),
    description:
      'Where to write: a folder within for each elector and member of etcd, and one each for nodes, clients, operators and the authorities',
    group: 'Files',
  },
  days: {
    flag: '--days <count>',
    schema: wholeNumber({ min: 1, max: 3_650 }),
    default: '365',
    description: 'How long new certificates are good; they are renewed in the last third of it',
    group: 'Files',
  },
});

export type AuthorityOptions = ParsedOptions<typeof authorityOptionTable>;

/** Rules between options. */
export function checkAuthorityOptions(options: AuthorityOptions): readonly OptionProblem[] {
  const message = planProblem(options);
  return message === undefined ? [] : [{ field: '--elector, --etcd', message }];
}
