/** What a member counts. */
import type { Engine, Frame, LeaderPlaneCounters, MembershipCounters } from '@herald/core';
import { gossipService } from '@herald/wire';
import type { IncomingFrame } from '@herald/wire';
import type { RecordsRefused } from './record-gate.ts';
import type { GateRefusal } from './tls/gatekeeper.ts';

export interface MemberStats {
  readonly links: { readonly inbound: number; readonly outbound: number; readonly eager: number };
  readonly watchers: number;
  readonly framesSent: number;
  readonly framesReceived: number;
  /** Encoded frames, without what HTTP/2 and TCP add (some 20 to 80 bytes each). */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Frames of a kind that this build does not know; ignored. */
  readonly framesUnknown: number;
  /** Frames that broke a rule; each closed its link. */
  readonly framesMalformed: number;
  /** Records that no trusted key has signed, by reason; not taken. */
  readonly recordsRefused: RecordsRefused;
  /** Connections and calls that were refused for want of the right certificate, by reason. */
  readonly turnedAway: Readonly<Partial<Record<GateRefusal, number>>>;
  /** Connections that were refused because there were too many, of their address or in all. */
  readonly connectionsRefused: number;
  /** Links that were refused because their address opens too many, and links closed for a flood of frames. */
  readonly peersLimited: number;
  /** Pushes of leader records, and what became of those received. */
  readonly pushes: Readonly<LeaderPlaneCounters>;
  /** What members said of themselves, and what became of it. */
  readonly membership: Readonly<MembershipCounters>;
}

export class StatsCollector {
  #framesSent = 0;
  #framesReceived = 0;
  #bytesSent = 0;
  #bytesReceived = 0;
  #framesUnknown = 0;
  #framesMalformed = 0;
  #peersLimited = 0;

  /** The link service's own serialiser, counted. */
  readonly encode = (frame: Frame): Buffer => {
    const bytes = gossipService.link.requestSerialize(frame);
    this.#framesSent++;
    this.#bytesSent += bytes.byteLength;
    return bytes;
  };

  /** The link service's own deserialiser, counted. */
  readonly decode = (bytes: Buffer): IncomingFrame => {
    const frame = gossipService.link.requestDeserialize(bytes);
    this.#framesReceived++;
    this.#bytesReceived += bytes.byteLength;
    if (frame.kind === 'unknown') this.#framesUnknown++;
    if (frame.kind === 'malformed') this.#framesMalformed++;
    return frame;
  };

  /** A peer asked for more than its share, and was refused. */
  noteLimited(): void {
    this.#peersLimited++;
  }

  read(
    engine: Engine,
    watchers: number,
    refusals: Pick<MemberStats, 'recordsRefused' | 'turnedAway' | 'connectionsRefused'>,
  ): MemberStats {
    const links = engine.links();
    return {
      links: {
        inbound: links.filter((link) => link.direction === 'inbound').length,
        outbound: links.filter((link) => link.direction === 'outbound').length,
        eager: links.filter((link) => link.eager).length,
      },
      watchers,
      framesSent: this.#framesSent,
      framesReceived: this.#framesReceived,
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
      framesUnknown: this.#framesUnknown,
      framesMalformed: this.#framesMalformed,
      ...refusals,
      peersLimited: this.#peersLimited,
      pushes: { ...engine.counters, pushesSent: { ...engine.counters.pushesSent } },
      membership: { ...engine.membershipCounters },
    };
  }
}
