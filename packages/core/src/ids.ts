/**
 * Decides what a valid name is. Every id is a branded string that only the parsing constructors of
 * this file can make, so that code behind the edge never meets an unchecked one.
 */
import { InvalidValueError } from './errors.ts';
import { limits } from './limits.ts';

/** The brand exists for the compiler only; a string key, so that other packages can infer through it. */
type Branded<Base, Name extends string> = Base & { readonly '~brand': Name };

/** Name of a cluster: members of different clusters refuse each other. */
export type ClusterName = Branded<string, 'ClusterName'>;
/** Name of an election, e.g. `payments`. One cluster holds many. */
export type ElectionName = Branded<string, 'ElectionName'>;
/** Stable name of a member or candidate. */
export type NodeId = Branded<string, 'NodeId'>;
/** `host:port`, the host a DNS name, an IPv4 address, or an IPv6 address in brackets. */
export type Address = Branded<string, 'Address'>;
/** Handle of a link within one member; never sent to others. */
export type LinkId = Branded<number, 'LinkId'>;

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const hostPattern =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9]+)?\])$/;

function parseName(field: string, text: string): string {
  if (text.length === 0) throw new InvalidValueError(field, 'must not be empty');
  if (text.length > limits.nameBytesMax) {
    throw new InvalidValueError(field, `must be at most ${limits.nameBytesMax} characters long`);
  }
  if (!namePattern.test(text)) {
    throw new InvalidValueError(
      field,
      `must start with a letter or digit and hold only letters, digits, ".", "_" and "-", got ${quote(text)}`,
    );
  }
  return text;
}

/** @throws InvalidValueError unless `text` is 1 to 128 letters, digits, `.`, `_` or `-`. */
export function parseClusterName(text: string): ClusterName {
  return parseName('cluster name', text) as ClusterName;
}

/** @throws InvalidValueError unless `text` is 1 to 128 letters, digits, `.`, `_` or `-`. */
export function parseElectionName(text: string): ElectionName {
  return parseName('election name', text) as ElectionName;
}

/** @throws InvalidValueError unless `text` is 1 to 128 letters, digits, `.`, `_` or `-`. */
export function parseNodeId(text: string): NodeId {
  return parseName('node id', text) as NodeId;
}

/** @throws InvalidValueError unless `text` is `host:port` with a port from 1 to 65535. */
export function parseAddress(text: string, field = 'address'): Address {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(colon, 0));
  const port = text.slice(colon + 1);
  if (text.length > limits.addressBytesMax) {
    throw new InvalidValueError(field, `must be at most ${limits.addressBytesMax} characters long`);
  }
  if (colon < 1 || !hostPattern.test(host)) {
    throw new InvalidValueError(
      field,
      `must be host:port (IPv6 hosts in brackets), got ${quote(text)}`,
    );
  }
  if (!/^[0-9]{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw new InvalidValueError(field, `must end in a port from 1 to 65535, got ${quote(text)}`);
  }
  return text as Address;
}

/** Link handles are small integers that a member counts up. */
export function linkId(value: number): LinkId {
  return value as LinkId;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
