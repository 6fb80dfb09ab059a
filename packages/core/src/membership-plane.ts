/**
 * Decides how what members say of themselves travels, and what becomes of it here. Nothing is spread
 * unless something changed: an idle fleet compares hashes and is silent otherwise, whatever its size.
 *
 * An urgent change goes to all links, after some milliseconds in which others may join it, unless the other end shows it
 * first. All else goes along the eager links, the leader plane's tree, and what that leaves out, a round repairs.
 */
import { Accusations } from './accusations.ts';
import type { Alarm } from './alarm.ts';
import { AppliedChanges } from './applied-changes.ts';
import type { Contact } from './contact.ts';
import type { EffectSink } from './effects.ts';
import { compareStates, urgencyOf } from './endpoint-state.ts';
import type { ApplicationFacts, CarriedState, EndpointState, Verdict } from './endpoint-state.ts';
import type {
  AccusationsFrame,
  MemberDeltaFrame,
  MemberDigestFrame,
  MemberHashesFrame,
  MembersSummary,
  WhoElseFrame,
} from './frames.ts';
import type { ElectionName, LinkId } from './ids.ts';
import { limits } from './limits.ts';
import { entryVersion } from './member-table.ts';
import type { Entry, MemberTable, Standing } from './member-table.ts';
import type { MemberView } from './member-view.ts';
import type { MembershipListener } from './membership-listener.ts';
import { MembershipSync } from './membership-sync.ts';
import { OwnIdentity } from './own-identity.ts';
import type { OwnLag } from './own-lag.ts';
import type { OwnState } from './own-state.ts';
import { PublishSchedule } from './publish-schedule.ts';
import { Quarantine } from './quarantine.ts';
import type { Random } from './random.ts';
import { StatePushes } from './state-pushes.ts';
import type { EngineTuning } from './tuning.ts';
import { Verdicts } from './verdicts.ts';
import type { Version } from './version.ts';

export interface MembershipCounters {
  /** States received that were newer than what was held, and others. */
  readonly news: number;
  readonly duplicates: number;
  /** States sent as pushes, those in answer to a comparison not counted. */
  readonly pushed: number;
  /** Members beyond `limits.membersMax`, not kept. */
  readonly membersRefused: number;
  /** States of members that left or were forgotten, not taken back. */
  readonly revivalsRefused: number;
}

/** Tombstones and lost members are looked through this often. */
const tidyEveryMs = 15_000;

export class MembershipPlane {
  readonly table: MemberTable;
  readonly verdicts: Verdicts;
  readonly accusations: Accusations;
  readonly #own: OwnState;
  readonly #identity: OwnIdentity;
  readonly #alarm: Alarm;
  readonly #tuning: EngineTuning;
  readonly #emit: EffectSink;
  readonly #listener: MembershipListener;
  readonly #pushes: StatePushes;
  readonly #counts = { news: 0, duplicates: 0, membersRefused: 0, revivalsRefused: 0 };
  readonly #quarantine = new Quarantine();
  readonly #sync: MembershipSync;
  /** Links by which nothing has been compared yet: there the other end may come from a partition. */
  readonly #uncompared = new Set<LinkId>();
  readonly #applied: AppliedChanges;
  readonly #schedule: PublishSchedule;
  /** What is published next goes to all neighbours at once. */
  #hurry = false;
  #joinAtMs: number;
  #tidyAtMs: number;

  constructor(
    own: OwnState,
    table: MemberTable,
    alarm: Alarm,
    lag: OwnLag,
    tuning: EngineTuning,
    random: Random,
    emit: EffectSink,
    listener: MembershipListener,
    nowMs: number,
  ) {
    this.#own = own;
    this.table = table;
    this.#alarm = alarm;
    this.#tuning = tuning;
    this.#emit = emit;
    this.#listener = listener;
    this.#identity = new OwnIdentity(own, tuning, random, emit);
    this.verdicts = new Verdicts(own, table, tuning, {
      standingChanged: (entry, previous, atMs) => {
        this.#standingChanged(entry, previous, atMs);
      },
    });
    this.#applied = new AppliedChanges(tuning, random);
    this.#schedule = new PublishSchedule(table, tuning, random);
    const carry = (entry: Entry, atMs: number): CarriedState => this.#carried(entry, atMs);
    const isEager = (link: LinkId): boolean => listener.isEager(link);
    this.#pushes = new StatePushes({ table, alarm, tuning, random, emit, carry, isEager });
    const { verdicts } = this;
    this.accusations = new Accusations({
      own,
      table,
      verdicts,
      alarm,
      lag,
      tuning,
      random,
      emit,
      isEager,
      differs: (link, entry, atMs) => {
        this.#pushes.send(link, entry.state.contact.nodeId, atMs);
      },
      accusesUs: (as, atMs) => {
        if (this.#identity.mustRefuteAsOf(entryVersion(as))) this.ownChanged(true, atMs);
      },
    });
    this.#sync = new MembershipSync({
      table,
      quarantine: this.#quarantine,
      tuning,
      send: (link, frame) => {
        emit({ kind: 'send', link, frame });
      },
      carry,
      compared: (atMs) => {
        this.#joined(atMs);
      },
    });
    this.#joinAtMs = nowMs + tuning.joinMs;
    this.#tidyAtMs = nowMs + tidyEveryMs;
    table.add(own.published, nowMs);
  }

  get summary(): MembersSummary {
    return this.#sync.summary;
  }

  get counters(): MembershipCounters {
    return { ...this.#counts, pushed: this.#pushes.sent };
  }

  get nextWakeMs(): number {
    if (this.#own.status === 'left') return Infinity;
    return Math.min(
      this.#schedule.dueMs,
      this.#applied.dueMs,
      this.#joinAtMs,
      this.#tidyAtMs,
      this.#pushes.nextWakeMs,
      this.accusations.nextWakeMs,
      this.#identity.nextWakeMs,
    );
  }

  view(entry: Entry): MemberView {
    return {
      state: entry.state,
      reachability: entry.standing === 'live' ? 'reachable' : 'unreachable',
      suspectedBy: this.verdicts.suspectedBy(entry),
      sinceMs: entry.sinceMs,
      linked: this.#listener.isLinked(entry.state.contact.nodeId),
      self: entry.state.contact.nodeId === this.#own.contact.nodeId,
    };
  }

  /** Each end of a new link says at once who it is, and what the other end may have to refute. */
  linkUp(link: LinkId, peer: Contact, nowMs: number): void {
    this.#pushes.linkUp(link);
    this.accusations.linkUp(link);
    if (this.#alarm.isOn(nowMs)) this.accusations.ask(link);
    this.#uncompared.add(link);
    this.#pushes.send(link, this.#own.contact.nodeId, nowMs);
    const entry = this.table.get(peer.nodeId);
    if (entry === undefined || this.verdicts.suspectedBy(entry) === 0) return;
    this.accusations.send(link, peer.nodeId, nowMs);
  }

  linkDown(link: LinkId): void {
    this.#pushes.linkDown(link);
    this.accusations.linkDown(link);
    this.#uncompared.delete(link);
    this.#sync.linkDown(link);
  }

  receiveSummary(link: LinkId, theirs: MembersSummary, nowMs: number): void {
    if (!this.#pushes.has(link)) return;
    const isJoining = this.#own.status === 'joining';
    if (!isJoining && this.#alarm.calmAtMs > nowMs) return;
    this.#sync.receiveSummary(link, theirs, this.#uncompared.delete(link) || isJoining, nowMs);
  }

  receiveHashes(link: LinkId, frame: MemberHashesFrame, nowMs: number): void {
    if (this.#pushes.has(link)) this.#sync.receiveHashes(link, frame, nowMs);
  }

  receiveDigest(link: LinkId, frame: MemberDigestFrame, nowMs: number): void {
    if (this.#pushes.has(link)) this.#sync.receiveDigest(link, frame, nowMs);
  }

  receiveDelta(link: LinkId, frame: MemberDeltaFrame, nowMs: number): void {
    if (!this.#pushes.has(link)) return;
    for (const carried of frame.states) this.#take(carried, link, nowMs);
    this.#sync.receiveDelta(link, frame, nowMs);
  }

  receiveAccusations(link: LinkId, { accused }: AccusationsFrame, nowMs: number): void {
    if (this.#pushes.has(link)) this.accusations.receive(link, accused, nowMs);
  }

  receiveWhoElse(link: LinkId, { known }: WhoElseFrame, nowMs: number): void {
    if (this.#pushes.has(link)) this.accusations.answer(link, known, nowMs);
  }

  /** The other end was cut off the tree, by which accusations went: it hears of all of them. */
  receiveGraft(link: LinkId, nowMs: number): void {
    if (this.#pushes.has(link) && this.#alarm.isOn(nowMs)) this.accusations.answer(link, [], nowMs);
  }

  /** This member finds that one unreachable: its neighbours hear of it now, and all others by them. */
  accuse(entry: Entry, nowMs: number): void {
    const { generation, version } = entryVersion(entry);
    if (!this.#own.accuse({ nodeId: entry.state.contact.nodeId, generation, version })) return;
    this.accusations.accuse(entry, nowMs);
    this.#schedule.accused(nowMs);
  }

  /** Another process has our node id. */
  namesake(theirs: Contact, nowMs: number): void {
    if (this.#identity.contest(theirs, nowMs)) this.ownChanged(true, nowMs);
  }

  /** What we say of ourselves has changed, perhaps. */
  ownChanged(urgent: boolean, nowMs: number): void {
    if (this.#own.changed) this.#schedule.changed(urgent, nowMs);
  }

  /** What we said of others is void by what they said since: that can wait. */
  ownOutdated(nowMs: number): void {
    if (this.#own.changed) this.#schedule.outdated(nowMs);
  }

  setFacts(facts: Partial<ApplicationFacts>, nowMs: number): void {
    this.#own.setFacts(facts);
    this.ownChanged(false, nowMs);
  }

  drain(nowMs: number): void {
    this.#own.setStatus('leaving');
    this.ownChanged(true, nowMs);
  }

  /** Says that we left, and whatever else waits, to all links at once. */
  leave(nowMs: number): void {
    if (this.#own.status === 'left') return;
    this.#own.setStatus('left');
    this.#publish(nowMs);
    this.#pushes.flush(this.#own.contact.nodeId, nowMs);
  }

  /** What is applied of an election now, undefined once disowned: the fleet is told of it when it has time. */
  noteApplied(election: ElectionName, version: Version | undefined, nowMs: number): void {
    this.#applied.note(election, version, this.table.count, nowMs);
  }

  wake(nowMs: number): void {
    if (this.#own.status === 'left') return;
    if (nowMs >= this.#joinAtMs) this.#joined(nowMs);
    if (this.#identity.wake(nowMs)) this.ownChanged(true, nowMs);
    if (nowMs >= this.#applied.dueMs) {
      const calmAtMs = this.#alarm.calmAtMs;
      if (calmAtMs > nowMs) this.#applied.postpone(calmAtMs, this.table.count);
    }
    if (nowMs >= Math.min(this.#schedule.dueMs, this.#applied.dueMs)) this.#publish(nowMs);
    this.#pushes.wake(nowMs);
    this.accusations.wake(nowMs);
    if (nowMs >= this.#tidyAtMs) this.#tidy(nowMs);
  }

  #joined(nowMs: number): void {
    this.#joinAtMs = Infinity;
    if (this.#own.status !== 'joining') return;
    this.#own.setStatus('up');
    this.#hurry = true; // before the neighbours have passed on that we join
    this.ownChanged(true, nowMs);
  }

  #take(carried: CarriedState, link: LinkId, nowMs: number): void {
    const { state } = carried;
    const { nodeId } = state.contact;
    if (nodeId === this.#own.contact.nodeId) {
      this.#takeOwn(state, link, nowMs);
      return;
    }
    const entry = this.table.get(nodeId);
    const order = entry === undefined ? 1 : compareStates(state, entry.state);
    if (order >= 0) this.#pushes.shown(link, nodeId);
    if (order < 0 && !this.#isRuleBroken(entry)) {
      this.#counts.duplicates++;
      this.#pushes.remind(link, nodeId, nowMs);
      return;
    }
    if (order === 0 || this.#isRevival(entry, state)) {
      this.#counts.duplicates++;
      return;
    }
    this.#apply(carried, entry, link, nowMs);
  }

  /** Never, but where a checker is to show that it notices. */
  #isRuleBroken(entry: Entry | undefined): boolean {
    const { brokenRule } = this.#tuning;
    if (brokenRule === undefined) return false;
    return (
      brokenRule === 'accept-older' || (brokenRule === 'revive-left' && entry?.standing === 'left')
    );
  }

  /** Somebody speaks in our name: an echo, our earlier life, or another process that is alive. */
  #takeOwn(state: EndpointState, link: LinkId, nowMs: number): void {
    const published = this.#own.published;
    if (compareStates(state, published) === 0) this.#pushes.shown(link, this.#own.contact.nodeId);
    if (this.#identity.heard(state, nowMs)) this.ownChanged(true, nowMs);
  }

  /** Who left, or was forgotten, comes back by a later life only. */
  #isRevival(entry: Entry | undefined, state: EndpointState): boolean {
    const { nodeId, generation } = state.contact;
    const blocked =
      entry === undefined
        ? this.#quarantine.blocks(nodeId, { generation, version: state.version })
        : entry.standing === 'left' && generation <= entry.state.contact.generation;
    if (!blocked || this.#tuning.brokenRule === 'revive-left') return false;
    this.#counts.revivalsRefused++;
    return true;
  }

  #apply(carried: CarriedState, known: Entry | undefined, from: LinkId, nowMs: number): void {
    const { state, unreachableForMs } = carried;
    const before = known?.state;
    const previous = known === undefined ? undefined : this.view(known);
    const wasDoubted = previous !== undefined && previous.suspectedBy > 0;
    const entry = known ?? this.table.add(state, nowMs);
    if (entry === undefined) {
      this.#counts.membersRefused++;
      return;
    }
    this.#counts.news++;
    this.#sync.noteNews(nowMs);
    this.#quarantine.release(state.contact.nodeId);
    if (before !== undefined) this.table.replace(entry, state);
    if (state.status === 'left') this.#bury(entry, before?.application.unreachable ?? [], nowMs);
    else if (entry.standing === 'left') this.table.setStanding(entry, 'live', nowMs);
    if (unreachableForMs > 0) this.verdicts.noteAge(entry, unreachableForMs, nowMs);
    this.#changed(entry, before, previous, nowMs);
    const refutes = wasDoubted || previous?.reachability === 'unreachable';
    const urgency = refutes ? 'urgent' : urgencyOf(before, state);
    const isToldAll = this.#own.status === 'joining' && this.#sync.isAsked(from);
    if (isToldAll && before === undefined) return; // whoever tells it has told its other neighbours
    this.#pushes.spread(state.contact.nodeId, urgency, from, nowMs);
  }

  /** Tells who has to know here that a state was added or replaced. */
  #changed(
    entry: Entry,
    before: EndpointState | undefined,
    previous: MemberView | undefined,
    nowMs: number,
  ): void {
    const { state } = entry;
    const restarted = before?.contact.generation !== state.contact.generation;
    if (restarted || before.status !== state.status) {
      this.#emit({ kind: 'member-changed', view: this.view(entry), previous });
    }
    if (state.status !== 'left') this.verdicts.stateChanged(entry, before, nowMs);
    if (state.contact.nodeId === this.#own.contact.nodeId) return;
    if (restarted || before.contact.address !== state.contact.address) {
      this.#listener.memberKnown(state.contact, before !== undefined);
    }
    this.#listener.stateChanged(entry, nowMs);
    if (this.#identity.mustRefute(state)) this.ownChanged(true, nowMs);
  }

  #bury(entry: Entry, said: readonly Verdict[], nowMs: number): void {
    this.table.setStanding(entry, 'left', nowMs);
    this.verdicts.gone(entry, said, nowMs);
  }

  #standingChanged(entry: Entry, previous: Standing, nowMs: number): void {
    const view = this.view(entry);
    const reachability = previous === 'live' ? 'reachable' : 'unreachable';
    this.#emit({ kind: 'member-changed', view, previous: { ...view, reachability } });
    this.#listener.standingChanged(entry, nowMs);
  }

  #publish(nowMs: number): void {
    this.#schedule.clear();
    if (this.#applied.dueMs !== Infinity) this.#own.setApplied(this.#applied.take());
    const before = this.#own.published;
    const entry = this.table.get(this.#own.contact.nodeId);
    if (entry === undefined || !this.#own.changed) return;
    const previous = this.view(entry);
    const state = this.#own.publish();
    this.#schedule.said(nowMs);
    this.table.replace(entry, state);
    this.#changed(entry, before, previous, nowMs);
    const urgency = this.#hurry ? 'urgent' : urgencyOf(before, state);
    this.#pushes.spread(state.contact.nodeId, urgency, undefined, nowMs);
    this.#hurry = false;
  }

  #carried(entry: Entry, nowMs: number): CarriedState {
    const unreachable = entry.standing === 'unreachable';
    const forMs = unreachable ? Math.max(1, Math.floor(nowMs - entry.sinceMs)) : 0;
    return { state: entry.state, unreachableForMs: Math.min(forMs, limits.ageMsMax) };
  }

  /** Forgets who left long ago, and who was lost for longer than a partition may last. */
  #tidy(nowMs: number): void {
    this.#tidyAtMs = nowMs + tidyEveryMs;
    const { tombstoneMs, forgetUnreachableMs } = this.#tuning;
    for (const entry of [...this.table.of('left')]) {
      if (nowMs - entry.sinceMs >= tombstoneMs) this.#forget(entry, nowMs);
    }
    for (const entry of [...this.table.of('unreachable')]) {
      if (nowMs - entry.sinceMs >= forgetUnreachableMs) this.#forget(entry, nowMs);
    }
    this.#quarantine.expire(nowMs);
  }

  #forget(entry: Entry, nowMs: number): void {
    const previous = this.view(entry);
    this.table.remove(entry);
    this.verdicts.gone(entry, entry.state.application.unreachable, nowMs);
    const untilMs = nowMs + this.#tuning.quarantineMs;
    this.#listener.forgotten(entry.state.contact.nodeId, nowMs);
    this.#quarantine.add(entry.state.contact.nodeId, entryVersion(entry), untilMs);
    this.#emit({ kind: 'member-changed', view: undefined, previous });
  }
}
