/**
 * Where a scenario is played: a cluster, its story, its figures. Decides what every scenario has to
 * show, whatever else it does: that a membership forms, that changes reach whom they must reach in
 * time, and that after the last fault all members agree about each other and about the leader.
 */
import { defaultTuning, pickSome, seededRandom, tellingMs } from '@herald/core';
import type { Random } from '@herald/core';
import { BrokenPromise } from '../checks/broken-promise.ts';
import { quantile } from '../measures/spread.ts';
import { ObservedCluster, electors } from '../observed-cluster.ts';
import type { ClusterOptions } from '../observed-cluster.ts';
import { counted, duration, grouped, share } from './wording.ts';

/** A round is jittered by a fifth; then the repair itself crosses a few links. */
export const withinOneRoundMs = defaultTuning.roundMs * 1.2 + 100;

/** What "at once" means when many died at the instant of a change: this share, within this time. */
const atOnceMs = 200;
const atOnceShare = 0.995;

/** From the start of the last member to a membership that is complete everywhere. */
const formsWithinMs = 20_000;

/** With the leader plane alone, nobody says that all is done; links take about this long. */
const linksWithinMs = 4000;

/** By then a change that all applied is told by the last of so many members, jitter and queues included. */
function toldWithinMs(members: number): number {
  return 1.5 * tellingMs(members, defaultTuning) + 5000;
}

/** How long traffic is measured: some rounds and beats, so that jitter evens out. */
const idleMs = 10_000;

/** What one run found out; what it did not measure stays undefined. */
export interface Figures {
  hopsP99?: number;
  hopsMax?: number;
  /** Eager pushes of one change, and what was needed beside them. */
  pushesPerNode?: number;
  lazyPushesPerNode?: number;
  repairPushesPerNode?: number;
  /** From the publishing of a change to the last of those that were to have it. */
  spreadMs?: number;
  /** Of those, the share that had it within 200 ms; the least over all changes. */
  atOnceShare?: number;
  idleFramesPerNodePerSecond?: number;
  idleBytesPerNodePerSecond?: number;
  changeBytesPerNode?: number;
  convergedMs?: number;
  detectionMs?: number;
}

export interface ChangeOptions {
  /** By default all electors that live. */
  readonly publishers?: readonly number[];
  /** Whether all but a few must have it at once, though many just died. */
  readonly atOnce?: boolean;
  /** Who need not have it, though linked: paused, or cut off. */
  readonly except?: ReadonlySet<number>;
  /** If given, who need to have it. */
  readonly onlyOf?: ReadonlySet<number>;
  readonly withinMs?: number;
}

export interface StageOptions extends ClusterOptions {
  /** Takes a line of the story, with the virtual time it tells of. */
  readonly tell?: (atMs: number, line: string) => void;
}

export class Stage {
  readonly cluster: ObservedCluster;
  readonly figures: Figures = {};
  /** For the scenario's own choices, so that they do not depend on the network's. */
  readonly random: Random;
  readonly #tell: (atMs: number, line: string) => void;
  readonly #startOverMs: number;
  /** Without it, the leader plane alone is on stage. */
  readonly #membership: boolean;

  constructor(options: StageOptions) {
    this.#startOverMs = options.startOverMs ?? Math.max(2000, options.nodes);
    this.#membership = options.tuning?.membership ?? defaultTuning.membership;
    this.#tell = options.tell ?? ((): void => undefined);
    this.random = seededRandom(options.seed ^ 0x5ca1ab1e);
    this.cluster = new ObservedCluster({ ...options, startOverMs: this.#startOverMs });
  }

  get nowMs(): number {
    return this.cluster.simulation.nowMs;
  }

  tell(line: string): void {
    this.#tell(this.nowMs, line);
  }

  /** All members start and find each other. */
  gather(): void {
    const { cluster } = this;
    this.tell(`${counted(cluster.expected, 'member')} start over ${duration(this.#startOverMs)}`);
    cluster.wait(this.#startOverMs);
    if (this.#membership) {
      const afterMs = this.#agreed(formsWithinMs, 'the membership did not form');
      this.tell(`each lists all others as reachable ${duration(afterMs)} after the last start`);
    } else cluster.wait(linksWithinMs);
  }

  /** All members gather; one change by every elector and some renewals find the tree. */
  form(): void {
    const { cluster } = this;
    this.gather();
    cluster.change(electors);
    for (let renewals = 0; renewals < 3; renewals++) cluster.renew(0);
    cluster.etcd.runCampaigns();
  }

  /** What the tier costs when nothing happens but renewals, beats and rounds. */
  measureIdle(): void {
    const { cluster, figures } = this;
    cluster.wait(toldWithinMs(cluster.expected)); // what the start and the first change set going
    cluster.wire.start();
    cluster.wait(idleMs);
    const { frames, bytes } = cluster.wire.stop();
    const nodeSeconds = (cluster.simulation.alive().length * idleMs) / 1000;
    figures.idleFramesPerNodePerSecond = frames / nodeSeconds;
    figures.idleBytesPerNodePerSecond = bytes / nodeSeconds;
    const each = `${(frames / nodeSeconds).toFixed(2)} frames, ${Math.round(bytes / nodeSeconds)} bytes`;
    this.tell(`at rest a node sends ${each} a second`);
  }

  /** What one change of leader costs beyond that, until everybody has told that it applied it. */
  measureChange(): void {
    const { cluster, figures } = this;
    const untilMs = this.nowMs + toldWithinMs(cluster.expected);
    const atMs = this.nowMs;
    cluster.wire.start();
    this.change();
    cluster.simulation.run(untilMs);
    const { bytes } = cluster.wire.stop();
    const idle = (figures.idleBytesPerNodePerSecond ?? 0) * ((this.nowMs - atMs) / 1000);
    figures.changeBytesPerNode = bytes / cluster.simulation.alive().length - idle;
    const costs = `${grouped(Math.round(figures.changeBytesPerNode))} bytes a node`;
    this.tell(`that change has cost ${costs} on top, until all had told that they have it`);
  }

  /** The electors publish a new leader, and all that are connected must have it within a round. */
  change(options: ChangeOptions = {}): void {
    const { cluster } = this;
    const { publishers = this.#liveElectors(), withinMs = withinOneRoundMs } = options;
    const reached = cluster.connected();
    for (const member of options.except ?? []) reached.delete(member);
    const { onlyOf } = options;
    const { afterMs, hops, pushesPerMember } = cluster.change(publishers, withinMs);
    const living = [...reached].filter(
      (member) =>
        cluster.simulation.members[member]?.alive === true && onlyOf?.has(member) !== false,
    );
    const missing = living.filter((member) => !afterMs.has(member));
    const times = living.map((member) => afterMs.get(member) ?? Infinity).sort((a, b) => a - b);
    const slowestMs = times.at(-1) ?? 0;
    this.#noteHops(hops);
    this.#noteMax('pushesPerNode', pushesPerMember.eager);
    this.#noteMax('lazyPushesPerNode', pushesPerMember.lazy);
    this.#noteMax('repairPushesPerNode', pushesPerMember.repair);
    this.#noteMax('spreadMs', slowestMs);
    const atOnce = times.filter((ms) => ms <= atOnceMs).length / Math.max(1, times.length);
    this.figures.atOnceShare = Math.min(this.figures.atOnceShare ?? 1, atOnce);
    const all = missing.length === 0 ? 'all' : `all but ${missing.length}`;
    const pushes = `${pushesPerMember.eager.toFixed(2)} eager pushes a member`;
    this.tell(
      `epoch ${cluster.etcd.version.epoch} reached ${all} of ${counted(living.length, 'connected member')} ` +
        `in ${duration(slowestMs)}: hops p99 ${quantile(hops, 0.99)}, at most ${hops.at(-1) ?? 0}; ${pushes}`,
    );
    this.#expect('P3', missing.length === 0, () => {
      return `${counted(missing.length, 'connected member')} not reached in ${duration(withinMs)}`;
    });
    if (options.atOnce !== true) return;
    this.tell(`${share(atOnce)} of them within ${duration(atOnceMs)}`);
    this.#expect('P3', atOnce >= atOnceShare, () => `only ${share(atOnce)} were reached at once`);
  }

  /** Ends with all faults over: within this time all agree, and a last change reaches every member. */
  recover(withinMs: number): void {
    if (this.#membership) {
      const afterMs = this.#agreed(withinMs, 'members still disagree');
      this.figures.convergedMs = Math.max(this.figures.convergedMs ?? 0, afterMs);
      this.tell(`all agree again about each other and the leader after ${duration(afterMs)}`);
    } else this.#followed(withinMs);
  }

  /** The last word of every scenario. */
  finish(): void {
    const { cluster } = this;
    this.change();
    const { missing } = cluster.spread;
    this.#expect('P3', missing === 0, () => `${counted(missing, 'live member')} never heard of it`);
    if (this.#membership) cluster.agreement.checkAgainstTables();
  }

  suspicions(): string {
    return counted(this.cluster.agreement.falseSuspicions, 'false suspicion');
  }

  /** Nobody that ran undisturbed may have been declared unreachable. */
  checkSuspicions(): void {
    const { falseSuspicions } = this.cluster.agreement;
    const complaint = `${counted(falseSuspicions, 'member')} declared unreachable without a reason`;
    this.#expect('DISAGREE', falseSuspicions === 0, () => complaint);
  }

  /** Kills members, and measures how long some that live still list one of them. */
  detect(members: readonly number[], what: 'process' | 'machine', withinMs: number): void {
    const startMs = this.nowMs;
    for (const member of members) this.cluster.simulation.kill(member, what);
    const how = what === 'process' ? 'whose port refuses' : 'that vanished without a word';
    this.unlisted(members, startMs, withinMs, `${counted(members.length, 'member')} ${how}`);
  }

  /** Who died at `startMs` must not be listed as reachable by anybody this long after. */
  unlisted(members: readonly number[], startMs: number, withinMs: number, who: string): void {
    if (!this.#membership) return;
    const { agreement, simulation } = this.cluster;
    const gone = (): boolean => members.every((member) => agreement.listing(member) === 0);
    const all = simulation.run(startMs + withinMs, gone);
    const unlistedMs = members.map((member) => agreement.unlistedAtMs(member) - startMs);
    const afterMs = Math.max(0, ...unlistedMs);
    this.#noteMax('detectionMs', afterMs);
    this.#expect('DISAGREE', all, () => `${who}: still listed after ${duration(withinMs)}`);
    this.tell(`${who}: unlisted everywhere after ${duration(afterMs)}`);
  }

  /** Waits for the leader after this one; all that live must follow it. */
  succeeded(elector: number, withinMs: number): void {
    const { etcd, simulation, spread } = this.cluster;
    const startMs = this.nowMs;
    const followed = (): boolean => etcd.leader !== elector && spread.missing === 0;
    const all = simulation.run(startMs + withinMs, followed);
    this.#expect('P3', all, () => `no new leader that all follow in ${duration(withinMs)}`);
    this.tell(`all follow epoch ${etcd.version.epoch} ${duration(this.nowMs - startMs)} later`);
  }

  /** Passes time, in which faults that were planned happen. */
  wait(ms: number): void {
    this.cluster.wait(ms);
  }

  /** Some live nodes, no electors. */
  someNodes(count: number): number[] {
    const nodes = this.cluster.simulation.alive().filter(({ index }) => index >= electors.length);
    return pickSome(nodes, count, this.random).map(({ index }) => index);
  }

  #liveElectors(): number[] {
    const { members } = this.cluster.simulation;
    return electors.filter((index) => members[index]?.alive === true);
  }

  /** Waits until nobody is wrong; returns how long that took. */
  #agreed(withinMs: number, complaint: string): number {
    const { agreement, simulation, spread } = this.cluster;
    const startMs = this.nowMs;
    const agree = (): boolean => agreement.wrong === 0 && spread.missing === 0;
    const led = spread.appliedAtMs.size > 0;
    const agreed = simulation.run(startMs + withinMs, led ? agree : () => agreement.wrong === 0);
    this.#expect('DISAGREE', agreed, () => {
      const examples = agreement.examples(3).join('; ');
      const wrong = `${counted(agreement.wrong, 'belief')} wrong, ${spread.missing} without the leader`;
      return `${complaint} after ${duration(withinMs)}: ${wrong}; ${examples}`;
    });
    return this.nowMs - startMs;
  }

  /**
   * The leader plane alone does not notice a link whose other end vanished: who has no others left waits
   * for TCP, and is not waited for.
   */
  #followed(withinMs: number): void {
    const { cluster } = this;
    const { simulation, spread } = cluster;
    if (simulation.run(this.nowMs + withinMs, () => spread.missing === 0)) return;
    const missing = [...cluster.connected()].filter((member) => !spread.appliedAtMs.has(member));
    this.#expect('P3', missing.length === 0, () => {
      return `${counted(missing.length, 'connected member')} without the leader`;
    });
  }

  #noteHops(hops: readonly number[]): void {
    this.#noteMax('hopsP99', quantile(hops, 0.99));
    this.#noteMax('hopsMax', hops.at(-1) ?? 0);
  }

  #noteMax(figure: keyof Figures, value: number): void {
    this.figures[figure] = Math.max(this.figures[figure] ?? 0, value);
  }

  #expect(code: 'P3' | 'DISAGREE', holds: boolean, complaint: () => string): void {
    if (!holds) throw new BrokenPromise(code, this.nowMs, complaint());
  }
}
