/** Decides how the host of an address is written: an IPv6 address has brackets beside a port, and none for a socket. */

export function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

export function unbracketed(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}
