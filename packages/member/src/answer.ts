/** What a member says of an election to whoever asks: decides what it knows, and whether it is behind. */
import { ageMs, isNewer, isSameChange, recordStatus, validForMs } from '@herald/core';
import type { Address, HeldRecord, LinkView, NodeId, Version } from '@herald/core';
import type { LeaderAnswer } from '@herald/wire';

/** Members named to a caller that knows more than we do. */
const askMax = 5;

/**
 * Whether a caller who knows `minVersion` knows a newer *change* than we hold. Renewals do not count:
 * they are on their way to everybody all the time.
 */
export function isBehind(held: HeldRecord | undefined, minVersion: Version | undefined): boolean {
  if (minVersion === undefined) return false;
  const version = held?.sealed.record.version;
  return (
    isNewer(minVersion, version) && (version === undefined || !isSameChange(minVersion, version))
  );
}

export function answerFrom(
  held: HeldRecord | undefined,
  about: {
    readonly nodeId: NodeId;
    readonly nowMs: number;
    readonly behind: boolean;
    readonly ask: readonly Address[];
  },
): LeaderAnswer {
  const { nodeId, nowMs, behind, ask } = about;
  if (held === undefined) {
    return { status: 'unknown', carried: undefined, validForMs: 0, behind, ask, nodeId };
  }
  return {
    status: recordStatus(held, nowMs),
    carried: { sealed: held.sealed, ageMs: ageMs(held, nowMs), hops: held.hops },
    validForMs: validForMs(held, nowMs),
    behind,
    ask,
    nodeId,
  };
}

/** Electors know first; then whoever is linked. */
export function whomToAsk(links: readonly LinkView[]): Address[] {
  return [...links]
    .sort((a, b) => Number(b.peer.role === 'elector') - Number(a.peer.role === 'elector'))
    .slice(0, askMax)
    .map((link) => link.peer.address);
}
