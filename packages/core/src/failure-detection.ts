/**
 * Decides whom this member finds unreachable, and whom it makes sure of. Its own evidence is the
 * silence of a link, a link that broke and cannot be dialled again, and a dial that failed; it says so
 * in its own state. What all make of it is decided in `verdicts.ts`.
 *
 * A few observers are enough while they live. Where too few are left, members that never had a link to the doubted one dial
 * it, some of them, by chance; and each death makes some look at members that nobody doubts.
 */
import type { Alarm } from './alarm.ts';
import type { Contact } from './contact.ts';
import type { CloseCause } from './effects.ts';
import { compareStateVersions } from './endpoint-state.ts';
import { membershipProtocol } from './frames.ts';
import type { NodeId } from './ids.ts';
import { LinkWatch } from './link-watch.ts';
import type { Link } from './links.ts';
import { entryVersion } from './member-table.ts';
import type { Entry } from './member-table.ts';
import type { MembershipPlane } from './membership-plane.ts';
import type { Overlay } from './overlay.ts';
import type { OwnLag } from './own-lag.ts';
import { OwnSilence } from './own-silence.ts';
import type { OwnState } from './own-state.ts';
import { jittered } from './random.ts';
import type { Random } from './random.ts';
import type { Rounds } from './rounds.ts';
import type { EngineTuning } from './tuning.ts';

/** Whoever lost a link dials again within this: all that lost one do, so not all at once. */
const redialWithinMs = 100;

/** Who closed a link in good order is dialled once within this, unless there is another link by then. */
const revisitWithinMs = 5000;

/** A dial that failed for no known reason is repeated after about this, before it is evidence. */
const repeatMs = 200;

/** While this member is behind: what times out does so for its sake, and dialling again keeps it so. */
const behindRepeatMs = 2000;

/** Checks that are due within this of each other are made together; so are random probes, and what is said late. */
const togetherMs = 100;

/** How often chance decides whether to probe a member that too few doubt. */
const probeTickMs = 500;

/** A member that too few doubt is dialled by others after this: more may have doubted it at the same time. */
const inquireMs = 250;

/** However many are doubted, a member dials about so many of them per second. */
const ownProbesPerSecond = 2;

/** Random probes wait up to this long, and no more of them than this at once. */
const randomProbeWithinMs = 500;
const randomProbesMax = 64;

/** A member that nobody speaks to dials this many others at a time. */
const strangersDialled = 3;

/** Somebody to dial soon; whether it answers decides. */
interface Check {
  atMs: number;
  /** Whether a link to it broke, which others will have noticed as well. */
  broken: boolean;
  /** Whether all that is to be known is whether anybody is still there: a link to it ended in good order. */
  brief: boolean;
}

export class FailureDetection {
  readonly #own: OwnState;
  readonly #membership: MembershipPlane;
  readonly #overlay: Overlay;
  readonly #alarm: Alarm;
  readonly #lag: OwnLag;
  readonly #tuning: EngineTuning;
  readonly #random: Random;
  readonly #watch: LinkWatch;
  readonly #silence: OwnSilence;
  readonly #rounds: Rounds;
  readonly #checks = new Map<NodeId, Check>();
  /** How often members refuted what we said of them since we reached them last. */
  readonly #refutations = new Map<NodeId, number>();
  #nextCheckMs = Infinity;
  #checkedAtMs = -Infinity;
  /** Members found unreachable while many are, and when to say so of those of whom others have not by then. */
  readonly #held = new Set<NodeId>();
  #sayAtMs = Infinity;
  #saidAtMs = -Infinity;
  #probeTickAtMs = 0;
  #randomProbesAtMs: number[] = [];
  #probedAtMs = -Infinity;

  constructor(
    own: OwnState,
    membership: MembershipPlane,
    overlay: Overlay,
    alarm: Alarm,
    lag: OwnLag,
    rounds: Rounds,
    tuning: EngineTuning,
    random: Random,
  ) {
    this.#own = own;
    this.#membership = membership;
    this.#overlay = overlay;
    this.#alarm = alarm;
    this.#lag = lag;
    this.#tuning = tuning;
    this.#random = random;
    this.#rounds = rounds;
    this.#silence = new OwnSilence(tuning);
    this.#watch = new LinkWatch(tuning, {
      ping: (link, nowMs) => {
        rounds.ping(link, nowMs);
      },
      isLonely: () => overlay.links.up().length <= tuning.lonelyLinks,
      silent: (link, phi, nowMs) => {
        if (link.peer !== undefined) this.#accuse(link.peer.nodeId, nowMs);
        overlay.close(link, `silent for too long (phi ${phi.toFixed(1)})`, nowMs);
      },
    });
  }

  get nextWakeMs(): number {
    return Math.min(
      this.#watch.nextWakeMs,
      this.#silence.nextWakeMs,
      this.#nextCheckMs,
      this.#sayAtMs,
      this.#alarm.askAtMs,
      this.#membership.verdicts.undecided.size > 0 ? this.#probeTickAtMs : Infinity,
      this.#nextRandomProbeMs,
    );
  }

  /**
   * An input came, later by this than it can have been: what arrived meanwhile is not heard yet. A member that
   * is late itself, even a little, is no judge of others' slowness (Lifeguard: Dadgar, Phillips, Currey, 2018).
   */
  noteLag(lagMs: number, nowMs: number): void {
    if (lagMs <= this.#tuning.pauseMs) return;
    this.#watch.excuse(lagMs, nowMs);
    this.#silence.excuse(lagMs);
  }

  /** Any frame on a link that stands. */
  heard(link: Link, nowMs: number): void {
    this.#watch.heard(link, nowMs);
    if (link.protocol >= membershipProtocol) this.#silence.heard(nowMs);
  }

  /** How often the other end will be heard of. */
  promised(link: Link, promiseMs: number): void {
    this.#watch.promised(link, promiseMs);
  }

  linkUp(link: Link, peer: Contact, nowMs: number): void {
    if (link.protocol >= membershipProtocol) {
      this.#watch.linkUp(link, nowMs);
      this.#silence.heard(nowMs);
    }
    this.reached(peer, nowMs);
  }

  /**
   * A link that broke is a reason to dial again at once. One that the other end closed in good order is
   * no evidence; but it may have been our only one, or the last word of a process that did not say so.
   */
  linkDown(link: Link, cause: CloseCause | undefined, nowMs: number): void {
    this.#watch.linkDown(link);
    if (cause === undefined || link.peer === undefined || link.protocol < membershipProtocol)
      return;
    const broken = cause !== 'ended';
    if (broken && this.#hasLostMore()) this.#alarm.suspect(nowMs);
    const withinMs = broken ? redialWithinMs : revisitWithinMs;
    const how = { broken, brief: !broken };
    this.#check(link.peer.nodeId, nowMs + withinMs * this.#random(), how);
  }

  /** A member answered: by a greeting, or by a refusal. */
  reached(contact: Contact, nowMs: number): void {
    this.#checks.delete(contact.nodeId);
    this.#held.delete(contact.nodeId);
    this.#refutations.delete(contact.nodeId);
    const entry = this.#membership.table.get(contact.nodeId);
    if (entry === undefined || entry.state.contact.generation > contact.generation) return;
    this.#acquit(entry, nowMs);
    this.#membership.verdicts.reached(entry, nowMs);
  }

  /** Somebody accepted a connection at its address: enough where there was no more to doubt than that. */
  accepted({ nodeId }: Contact): void {
    if (this.#checks.get(nodeId)?.brief === true) this.#checks.delete(nodeId);
  }

  /** A refusal is evidence at once; a dial that got lost is so where there is a reason to doubt already. */
  dialFailed(target: Contact, cause: 'refused' | 'lost', nowMs: number): void {
    const { nodeId } = target;
    const entry = this.#membership.table.get(nodeId);
    if (entry === undefined || entry.state.contact.generation > target.generation) return;
    if (this.#overlay.links.upTo(nodeId) !== undefined) return;
    const known = this.#checks.get(nodeId);
    const doubted =
      cause === 'refused' ||
      known !== undefined ||
      entry.standing === 'unreachable' ||
      this.#alarm.isOn(nowMs) ||
      this.#membership.verdicts.suspectedBy(entry) > 0;
    if (doubted && (cause === 'refused' || !this.#lag.isBehind(nowMs))) {
      this.#checks.delete(nodeId);
      this.#accuse(nodeId, nowMs);
    } else {
      const delayMs = this.#lag.isBehind(nowMs) ? behindRepeatMs : repeatMs;
      this.#check(nodeId, nowMs + jittered(delayMs, 0.5, this.#random));
    }
  }

  /**
   * What we said of an earlier state is void. If it is of the same life, and we still have no link, we look again, less and
   * less often; that an earlier life had ended says nothing of this one.
   */
  stateChanged(entry: Entry, nowMs: number): void {
    const { nodeId } = entry.state.contact;
    this.#alarm.noteNews(nodeId, nowMs);
    const verdict = this.#own.verdictOn(nodeId);
    if (verdict === undefined) return;
    const stands = compareStateVersions(verdict, entryVersion(entry)) >= 0;
    if (stands && entry.standing !== 'left') return;
    this.#acquit(entry, nowMs);
    if (verdict.generation === entry.state.contact.generation) this.#recheck(entry, nowMs);
    else {
      this.#checks.delete(nodeId);
      this.#refutations.delete(nodeId);
    }
  }

  #recheck(entry: Entry, nowMs: number): void {
    const { nodeId } = entry.state.contact;
    if (entry.standing === 'left' || this.#overlay.links.upTo(nodeId) !== undefined) return;
    const earlier = this.#refutations.get(nodeId) ?? 0;
    this.#refutations.set(nodeId, earlier + 1);
    const { recheckMs, recheckMsMax } = this.#tuning;
    const delayMs = Math.min(recheckMsMax, recheckMs * 2 ** earlier);
    this.#checks.delete(nodeId);
    this.#check(nodeId, nowMs + jittered(delayMs, 0.5, this.#random));
  }

  standingChanged(entry: Entry, nowMs: number): void {
    if (entry.standing !== 'unreachable') return;
    this.#alarm.noteDeath(nowMs);
    const live = this.#membership.table.of('live').length;
    if (this.#random() * live >= this.#tuning.probesPerDeath) return;
    if (this.#randomProbesAtMs.length >= randomProbesMax) return;
    this.#randomProbesAtMs.push(nowMs + randomProbeWithinMs * this.#random());
    this.#randomProbesAtMs.sort((a, b) => a - b);
  }

  /** Nothing is kept of a member that is not known any more. */
  forgotten(nodeId: NodeId, nowMs: number): void {
    this.#checks.delete(nodeId);
    this.#held.delete(nodeId);
    this.#refutations.delete(nodeId);
    if (this.#own.acquit(nodeId)) this.#membership.ownChanged(false, nowMs);
  }

  wake(nowMs: number): void {
    this.#watch.wake(nowMs);
    this.#breakSilence(nowMs);
    if (nowMs >= this.#nextCheckMs) this.#dialChecks(nowMs);
    if (nowMs >= this.#sayAtMs) this.#sayHeld(nowMs);
    if (this.#alarm.asks(nowMs, this.#random)) this.#membership.accusations.ask();
    if (nowMs >= this.#probeTickAtMs) this.#probeUndecided(nowMs);
    if (nowMs >= this.#nextRandomProbeMs) this.#probeAtRandom(nowMs);
  }

  #breakSilence(nowMs: number): void {
    if (nowMs < this.#silence.nextWakeMs) return;
    const means = this.#silence.wake(nowMs);
    const links = this.#overlay.links.up();
    if (links.length === 0) this.#silence.unlinked();
    else if (means === 'ask') for (const link of links) this.#rounds.ping(link, nowMs);
    else if (means === 'dial') this.#overlay.dialStrangers(strangersDialled, nowMs);
  }

  /** What others made of our verdict ends with our saying so, unless the member itself has said something since. */
  #acquit(entry: Entry, nowMs: number): void {
    const { nodeId } = entry.state.contact;
    const verdict = this.#own.verdictOn(nodeId);
    if (verdict === undefined || !this.#own.acquit(nodeId)) return;
    if (compareStateVersions(verdict, entryVersion(entry)) < 0) this.#membership.ownOutdated(nowMs);
    else this.#membership.ownChanged(false, nowMs);
  }

  /**
   * Dials a member to know whether it answers. A member that is behind learns from a refusal only; then it does not ask for a
   * greeting, which would cost both ends a connection, and come too late.
   */
  #look(contact: Contact, nowMs: number): boolean {
    return this.#lag.isBehind(nowMs)
      ? this.#overlay.glance(contact, nowMs)
      : this.#overlay.probe(contact, nowMs);
  }

  /** While many are lost, everybody finds out about everybody: what is found waits for what others say. */
  #accuse(nodeId: NodeId, nowMs: number): void {
    if (this.#hasLostMore()) this.#alarm.raise(nowMs);
    const undecidedSinceMs = this.#membership.verdicts.undecided.get(nodeId) ?? nowMs;
    const isWanted = nowMs - undecidedSinceMs > this.#alarm.patienceMs;
    if (isWanted || !this.#alarm.isOn(nowMs)) {
      this.#say(nodeId, nowMs);
      return;
    }
    this.#held.add(nodeId);
    const sayAtMs = nowMs + this.#alarm.patienceMs * this.#random();
    this.#sayAtMs = Math.min(this.#sayAtMs, Math.max(sayAtMs, this.#saidAtMs + togetherMs));
  }

  /** Whether there is another member that this one lost, and has no answer of yet. */
  #hasLostMore(): boolean {
    if (this.#held.size > 0) return true;
    for (const { broken } of this.#checks.values()) if (broken) return true;
    return false;
  }

  #sayHeld(nowMs: number): void {
    this.#sayAtMs = Infinity;
    this.#saidAtMs = nowMs;
    for (const nodeId of this.#held) {
      if (this.#overlay.links.upTo(nodeId) === undefined) this.#say(nodeId, nowMs);
    }
    this.#held.clear();
  }

  #say(nodeId: NodeId, nowMs: number): void {
    const entry = this.#membership.table.get(nodeId);
    if (entry === undefined || entry.standing === 'left') return;
    const enough = this.#membership.verdicts.suspectedBy(entry) >= this.#tuning.quorum;
    if (enough && entry.standing === 'unreachable') return; // one more would tell nobody anything
    this.#membership.accuse(entry, nowMs);
  }

  #check(nodeId: NodeId, atMs: number, { broken = false, brief = false } = {}): void {
    const known = this.#checks.get(nodeId);
    if (known === undefined) this.#checks.set(nodeId, { atMs, broken, brief });
    else {
      known.atMs = Math.min(known.atMs, atMs);
      known.broken ||= broken;
      known.brief &&= brief;
    }
    this.#checkBy(atMs);
  }

  #checkBy(atMs: number): void {
    const soonestMs = Math.max(atMs, this.#checkedAtMs + togetherMs);
    this.#nextCheckMs = Math.min(this.#nextCheckMs, soonestMs);
  }

  /** A check stays until its dial is answered, or fails. */
  #dialChecks(nowMs: number): void {
    this.#nextCheckMs = Infinity;
    this.#checkedAtMs = nowMs;
    for (const [nodeId, check] of this.#checks) {
      if (check.atMs <= nowMs) {
        const entry = this.#membership.table.get(nodeId);
        if (
          entry === undefined ||
          entry.standing === 'left' ||
          this.#overlay.links.upTo(nodeId) !== undefined
        ) {
          this.#checks.delete(nodeId);
          continue;
        }
        const { contact } = entry.state;
        const dialled = check.brief
          ? this.#overlay.glance(contact, nowMs)
          : this.#look(contact, nowMs);
        const { handshakeMs } = this.#tuning;
        check.atMs = nowMs + (dialled ? 2 * handshakeMs : jittered(repeatMs, 0.5, this.#random));
      }
      this.#checkBy(check.atMs);
    }
  }

  /** Those that some doubt, but too few: each of us dials each of them by chance, `probesPerSecond` in all. */
  #probeUndecided(nowMs: number): void {
    const { undecided } = this.#membership.verdicts;
    if (undecided.size === 0) return;
    this.#probeTickAtMs = nowMs + jittered(probeTickMs, 0.5, this.#random);
    const { table } = this.#membership;
    const perSecond = Math.min(
      this.#tuning.probesPerSecond / table.of('live').length,
      ownProbesPerSecond / undecided.size,
    );
    const share = (perSecond * probeTickMs) / 1000;
    for (const [nodeId, sinceMs] of undecided) {
      if (nowMs - sinceMs < inquireMs) continue;
      if (this.#random() >= share || this.#own.verdictOn(nodeId) !== undefined) continue;
      const entry = table.get(nodeId);
      if (entry === undefined || this.#overlay.links.upTo(nodeId) !== undefined) continue;
      if (!this.#look(entry.state.contact, nowMs)) return;
    }
  }

  get #nextRandomProbeMs(): number {
    return Math.max(this.#randomProbesAtMs[0] ?? Infinity, this.#probedAtMs + togetherMs);
  }

  /** Once the talk has come to rest: who took part in it is alive. */
  #probeAtRandom(nowMs: number): void {
    this.#probedAtMs = nowMs;
    const dueMs = this.#randomProbesAtMs;
    const restsAtMs = this.#alarm.restsAtMs(nowMs);
    if (restsAtMs > nowMs) {
      dueMs.forEach((atMs, index) => {
        if (atMs < restsAtMs) dueMs[index] = restsAtMs + randomProbeWithinMs * this.#random();
      });
      dueMs.sort((a, b) => a - b);
      return;
    }
    while ((dueMs[0] ?? Infinity) <= nowMs) {
      dueMs.shift();
      this.#glanceAtSomebody(nowMs);
    }
  }

  /** Looks whether anybody is where a member should be that nobody doubts, and that has said nothing since the alarm began. */
  #glanceAtSomebody(nowMs: number): void {
    const { table, verdicts } = this.#membership;
    for (let tries = 0; tries < 16; tries++) {
      const contact = table.pick('live', this.#random)?.state.contact;
      if (contact === undefined || contact.nodeId === this.#own.contact.nodeId) continue;
      if (verdicts.undecided.has(contact.nodeId) || this.#alarm.hasSurvived(contact.nodeId)) {
        continue;
      }
      if (this.#overlay.links.upTo(contact.nodeId) !== undefined) continue;
      this.#overlay.glance(contact, nowMs);
      return;
    }
  }
}
