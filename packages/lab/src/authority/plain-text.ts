/**
 * Decides when a lab does without certificates though nobody asked for that. Each link costs both of its ends a handshake,
 * some 14 ms of CPU in all; hundreds of nodes on one machine dial thousands of links at once, give up on those that take too
 * long, and dial again. In the field each has a machine of its own.
 */

/** So many nodes are up over TLS on two cores within the time that a lab waits. */
export const tlsNodesMax = 100;

/** How the parties of a lab are protected; for people. */
export interface Protection {
  readonly insecure: boolean;
  readonly described: string;
}

export function protectionOf(insecure: boolean, nodes: number): Protection {
  if (insecure) {
    const described = 'none: plain text and unsigned records, as --insecure says';
    return { insecure, described };
  }
  if (nodes > tlsNodesMax) {
    const described =
      `none: plain text and unsigned records, since more than ${tlsNodesMax} nodes on one machine ` +
      'would spend minutes on handshakes';
    return { insecure: true, described };
  }
  const described = 'TLS with certificates at both ends, signed records; all keys end with the lab';
  return { insecure, described };
}
