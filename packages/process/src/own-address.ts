/**
 * Decides what a process tells others of where it is reached: what it is told, or, for the host
 * `own-address`, the address of the machine or container that it runs in. A container learns its address
 * only when it starts, and ten of one kind are configured by the same text. No choice is made between
 * several addresses: one that others cannot reach would only show when they try.
 */
import { networkInterfaces } from 'node:os';
import type { NetworkInterfaceInfo } from 'node:os';
import { parseAddress } from '@herald/core';
import type { Address } from '@herald/core';
import type { z } from 'zod';
import { parsedBy } from './option-schemas.ts';

/** What `os.networkInterfaces` returns. */
export type Interfaces = Readonly<Partial<Record<string, readonly NetworkInterfaceInfo[]>>>;

/** Stands for this machine's address; no host is called so. */
const ownHost = 'own-address';

/** Addresses that an error lists; a machine that runs containers has dozens. */
const listedMax = 5;

/** `host:port` where others reach this process; the host may be `own-address`. */
export function advertisedAddress(
  interfacesNow: () => Interfaces = networkInterfaces,
): z.ZodType<Address, string> {
  return parsedBy((given) => {
    const address = parseAddress(given);
    const [, port] = /^own-address:(\d+)$/.exec(address) ?? [];
    return port === undefined ? address : parseAddress(`${ownAddress(interfacesNow())}:${port}`);
  });
}

/**
 * The one address by which others can reach this machine, an IPv6 one in brackets. IPv6 counts only
 * where there is no IPv4, since nearly every machine has addresses of both kinds.
 *
 * @throws Error that says what there is instead, and what to do.
 */
function ownAddress(interfaces: Interfaces): string {
  const all = Object.entries(interfaces).flatMap(([name, infos = []]) =>
    infos.filter(isReachable).map(({ address, family }) => ({ name, address, family })),
  );
  const ofVersion4 = all.filter(({ family }) => family === 'IPv4');
  const candidates = ofVersion4.length > 0 ? ofVersion4 : all;
  const [only, ...others] = candidates;
  if (only === undefined) {
    throw new Error(`${ownHost}: this machine has no address but loopback; give host:port`);
  }
  if (others.length === 0) return only.family === 'IPv6' ? `[${only.address}]` : only.address;
  const listed = candidates.slice(0, listedMax).map(({ name, address }) => `${address} (${name})`);
  const rest = candidates.length > listedMax ? ', …' : '';
  throw new Error(
    `${ownHost}: this machine has ${candidates.length} addresses: ${listed.join(', ')}${rest}; ` +
      'give the one by which others reach it, as host:port',
  );
}

/** Others reach neither loopback nor, without naming a link, an address that counts on one link only. */
function isReachable({ address, internal }: NetworkInterfaceInfo): boolean {
  return !internal && !/^(fe[89ab]|169\.254\.)/i.test(address);
}
