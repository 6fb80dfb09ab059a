/** Decides by which number a life of a member is told from those before it. */

/**
 * A number that grows with each restart of a node id, also on a machine that keeps no state. The wall
 * clock only names this life among those of one member; no times of two machines are compared.
 */
export function generationNow(): number {
  // eslint-disable-next-line no-restricted-properties
  return Date.now();
}
