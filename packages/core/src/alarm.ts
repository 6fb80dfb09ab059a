/**
 * Decides when so much is lost at once that everybody would tell everybody the same, and when the telling
 * has come to rest. A mass failure is found by all survivors in the same moment, and each word about
 * it goes to all of them; so most of what one finds is worth holding back until it shows what nobody has said.
 */
import type { NodeId } from './ids.ts';
import type { MemberTable } from './member-table.ts';
import type { Random } from './random.ts';
import { RecentCount } from './recent-count.ts';
import type { EngineTuning } from './tuning.ts';

/** An alarm lasts for this long after the last death that was declared, or found with others. */
const alarmMs = 10_000;

/** Talk that goes on for longer is not waited for: it may be about something else. */
const talkMsMax = 1500;

/** The first questions to neighbours follow each other by the patience; then there is one about this often. */
const hastyAsks = 2;
const askEveryMs = 1000;

/**
 * More deaths than this within `massWindowMs`, and more than this share of the members, are a mass failure: what is not
 * about it waits until `calmAfterMs` after the last of them.
 */
const massDeaths = 4;
const massShare = 0.02;
const massWindowMs = 5000;
const calmAfterMs = 5000;

/** Two links that broke in the same moment may be the first of many: replacing them waits this long for what others find. */
const suspenseMs = 5000;

export class Alarm {
  readonly #table: MemberTable;
  readonly #tuning: EngineTuning;
  #untilMs = -Infinity;
  readonly #deaths = new RecentCount(massWindowMs);
  #calmAtMs = -Infinity;
  #talkSinceMs = -Infinity;
  #talkAtMs = -Infinity;
  /** Who has said something since the alarm began, and so has survived what it is about. */
  readonly #survivors = new Set<NodeId>();

  constructor(table: MemberTable, tuning: EngineTuning) {
    this.#table = table;
    this.#tuning = tuning;
  }

  /** When a neighbour is to be asked what it has heard: at rest, and then less and less often. */
  askAtMs = Infinity;
  #asks = 0;

  raise(nowMs: number): void {
    if (!this.isOn(nowMs)) {
      this.#survivors.clear();
      this.#asks = 0;
      this.askAtMs = nowMs + this.patienceMs;
    }
    this.#untilMs = nowMs + alarmMs;
  }

  /** A member was declared unreachable. */
  noteDeath(nowMs: number): void {
    this.raise(nowMs);
    const mass = Math.max(massDeaths, massShare * this.#table.count);
    if (this.#deaths.exceeds(mass, nowMs)) this.#calmAtMs = nowMs + calmAfterMs;
  }

  /** This member lost several links at once. */
  suspect(nowMs: number): void {
    this.#calmAtMs = Math.max(this.#calmAtMs, nowMs + suspenseMs);
  }

  /** When what can wait is in order again: in the past, unless the fleet is busy with a mass failure. */
  get calmAtMs(): number {
    return this.#calmAtMs;
  }

  isOn(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }

  /** This member said something new. */
  noteNews(nodeId: NodeId, nowMs: number): void {
    if (!this.isOn(nowMs)) return;
    this.#survivors.add(nodeId);
    if (nowMs - this.#talkAtMs > this.patienceMs) this.#talkSinceMs = nowMs;
    this.#talkAtMs = nowMs;
  }

  hasSurvived(nodeId: NodeId): boolean {
    return this.#survivors.has(nodeId);
  }

  /** Whether it is time to ask. */
  asks(nowMs: number, random: Random): boolean {
    if (nowMs < this.askAtMs) return false;
    const restsAtMs = this.restsAtMs(nowMs);
    const waitMs = this.patienceMs * (0.5 + random());
    if (restsAtMs > nowMs) {
      this.askAtMs = restsAtMs + waitMs / 2;
      return false;
    }
    if (!this.isOn(nowMs)) {
      this.askAtMs = Infinity;
      return false;
    }
    this.#asks++;
    this.askAtMs = nowMs + (this.#asks < hastyAsks ? waitMs : Math.max(askEveryMs, 2 * waitMs));
    return true;
  }

  /** How long others' words are waited for: the more there are, the more each word costs the fleet. */
  get patienceMs(): number {
    const { patienceMsMin, patienceMsMax, patienceMsPerMember } = this.#tuning;
    return Math.min(
      patienceMsMax,
      Math.max(patienceMsMin, this.#table.count * patienceMsPerMember),
    );
  }

  /** When the talk will have come to rest unless more is said; not later than now when it has. */
  restsAtMs(nowMs: number): number {
    if (!this.isOn(nowMs)) return nowMs;
    return Math.min(this.#talkAtMs + this.patienceMs, this.#talkSinceMs + talkMsMax);
  }
}
