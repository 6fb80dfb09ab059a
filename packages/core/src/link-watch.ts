/**
 * Decides which links have gone silent. Whatever arrives on a link counts as a beat. A silence that
 * becomes doubtful is answered by asking the other end, so that a lost beat is no verdict; one that
 * goes on until phi crosses the threshold is. While this member was paused itself, it judges nobody.
 */
import type { LinkId } from './ids.ts';
import type { Link } from './links.ts';
import { PhiDetector } from './phi.ts';
import type { EngineTuning } from './tuning.ts';

export interface LinkWatchListener {
  /** Ask the other end whether it is there. */
  ping(link: Link, nowMs: number): void;
  /** Whether this member has so few links that it watches all of them closely. */
  isLonely(): boolean;
  /** Nothing came for so long that the other end must be taken for gone. */
  silent(link: Link, phi: number, nowMs: number): void;
}

interface Watched {
  readonly link: Link;
  readonly detector: PhiDetector;
  pingAtMs: number;
}

export class LinkWatch {
  readonly #tuning: EngineTuning;
  readonly #listener: LinkWatchListener;
  readonly #watched = new Map<LinkId, Watched>();
  #nextMs = Infinity;

  constructor(tuning: EngineTuning, listener: LinkWatchListener) {
    this.#tuning = tuning;
    this.#listener = listener;
  }

  /** When some silence may become doubtful, or sooner. */
  get nextWakeMs(): number {
    return this.#nextMs;
  }

  /** Who dialled beats at once; who accepted says by its first round how often it will. */
  linkUp(link: Link, nowMs: number): void {
    const { beatMs, slowBeatMs } = this.#tuning;
    const promiseMs = link.direction === 'inbound' ? beatMs : slowBeatMs;
    const detector = new PhiDetector(this.#tuning, promiseMs, nowMs);
    this.#watched.set(link.id, { link, detector, pingAtMs: 0 });
    this.#nextMs = Math.min(this.#nextMs, detector.reachesAtMs(this.#tuning.phiDoubt));
  }

  linkDown(link: Link): void {
    this.#watched.delete(link.id);
  }

  /**
   * The other end says how often it will be heard of; neither more nor less often than is sensible. A lonely member
   * does not wait for that: it doubts as if beats were due on all of its links, and asks.
   */
  promised(link: Link, promiseMs: number): void {
    if (promiseMs === 0) return;
    const { beatMs, slowBeatMs, phiDoubt } = this.#tuning;
    const detector = this.#watched.get(link.id)?.detector;
    if (detector === undefined) return;
    const most = this.#listener.isLonely() ? beatMs : slowBeatMs;
    detector.promised(Math.min(Math.max(promiseMs, beatMs), most));
    this.#nextMs = Math.min(this.#nextMs, detector.reachesAtMs(phiDoubt));
  }

  heard(link: Link, nowMs: number): void {
    this.#watched.get(link.id)?.detector.heard(nowMs);
  }

  excuse(pausedMs: number, nowMs: number): void {
    for (const { detector } of this.#watched.values()) detector.excuse(pausedMs, nowMs);
  }

  wake(nowMs: number): void {
    if (nowMs < this.#nextMs) return;
    this.#nextMs = Infinity;
    for (const watched of [...this.#watched.values()]) {
      this.#nextMs = Math.min(this.#nextMs, this.#judge(watched, nowMs));
    }
  }

  /** Returns when to look again. */
  #judge(watched: Watched, nowMs: number): number {
    const { link, detector } = watched;
    const { phiDoubt, phiThreshold, pingEveryMs } = this.#tuning;
    const doubtAtMs = detector.reachesAtMs(phiDoubt);
    if (nowMs < doubtAtMs) return doubtAtMs;
    const verdictAtMs = detector.reachesAtMs(phiThreshold);
    if (nowMs >= verdictAtMs) {
      this.#listener.silent(link, detector.phi(nowMs), nowMs);
      return Infinity;
    }
    if (nowMs >= watched.pingAtMs) {
      watched.pingAtMs = nowMs + pingEveryMs;
      this.#listener.ping(link, nowMs);
    }
    return Math.min(watched.pingAtMs, verdictAtMs);
  }
}
