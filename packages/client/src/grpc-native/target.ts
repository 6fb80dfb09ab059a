/**
 * `herald:` targets: `herald:///payments`, or `herald://10.0.0.1:7400,10.0.0.2:7400/payments` with the
 * nodes to ask. Decides which targets are well-formed, and says what is wrong with the others.
 */
import type { Address, ElectionName } from '@herald/core';
import { parseElection, parseSeeds } from '../client-options.ts';
import { HeraldClientError } from '../errors.ts';

/** The scheme that `registerHeraldResolver` makes known to grpc-js. */
export const heraldScheme = 'herald';

/** A target, taken apart. */
export interface HeraldTarget {
  readonly election: ElectionName;
  /** Nodes that the target names; none: those of the registration, or of the client given. */
  readonly nodes: readonly Address[];
}

/** What grpc-js makes of a target; its `GrpcUri`. */
interface ParsedUri {
  readonly authority?: string | undefined;
  readonly path: string;
}

/**
 * The target for the leader of `election`.
 *
 * @param nodes `host:port` of some nodes, to go without a registration or a client that knows them.
 * @throws HeraldClientError `INVALID_ARGUMENT`
 */
export function heraldTarget(election: string, nodes: readonly string[] = []): string {
  const authority = nodes.length === 0 ? '' : parseSeeds(nodes).join(',');
  return `${heraldScheme}://${authority}/${parseElection(election)}`;
}

/** @throws HeraldClientError `INVALID_ARGUMENT` */
export function parseTarget(text: string): HeraldTarget {
  const parts = /^herald:(?:\/\/([^/]*)\/)?(.+)$/.exec(text);
  if (parts?.[2] === undefined) {
    const example = heraldTarget('payments');
    const message = `target: must look like ${example}, got ${JSON.stringify(text)}`;
    throw new HeraldClientError('INVALID_ARGUMENT', message);
  }
  return fromUri({ authority: parts[1], path: parts[2] });
}

/** @throws HeraldClientError `INVALID_ARGUMENT` */
export function fromUri({ authority = '', path }: ParsedUri): HeraldTarget {
  const nodes = authority === '' ? [] : parseSeeds(authority.split(','));
  return { election: parseElection(path), nodes };
}
