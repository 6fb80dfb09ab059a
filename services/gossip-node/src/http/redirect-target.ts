/**
 * Where `?redirect` leads. Decides how a leader's address, which is its candidate's choice, becomes a
 * place that browsers and proxies may be sent to.
 */
import { InvalidValueError, parseAddress } from '@herald/core';

/**
 * An `http` or `https` URL as it stands, `host:port` as the root of that host by `scheme`; undefined for
 * anything else, such as other schemes, which do things other than to ask, or URLs with a password.
 */
export function redirectTarget(address: string, scheme: 'http' | 'https'): string | undefined {
  const url = isHostAndPort(address) ? `${scheme}://${address}/` : address;
  if (!URL.canParse(url)) return undefined;
  const { protocol, username, password, href } = new URL(url);
  const isWeb = protocol === 'http:' || protocol === 'https:';
  return isWeb && username === '' && password === '' ? href : undefined;
}

function isHostAndPort(address: string): boolean {
  try {
    parseAddress(address);
    return true;
  } catch (error) {
    if (error instanceof InvalidValueError) return false;
    throw error;
  }
}
