/**
 * A cluster of engines under virtual time. Decides what happens next: events come from the network,
 * from the members' timers and from whoever plays a scenario. Everything random comes from one seed,
 * so a run is its seed and replays.
 */
import { Engine, parseAddress, parseNodeId, seededRandom } from '@herald/core';
import type {
  Address,
  Contact,
  EngineTuning,
  Frame,
  LinkId,
  Random,
  Role,
  SealedRecord,
} from '@herald/core';
import type { RecordObjection } from '@herald/wire';
import type { Received } from './corruption.ts';
import { EventQueue } from './event-queue.ts';
import type { Forgery } from './forgery.ts';
import { Host } from './host.ts';
import { lan } from './latency.ts';
import type { Latency } from './latency.ts';
import { MemberClock } from './member-clock.ts';
import { Network } from './network.ts';
import type { SimulatedMember, SimulationObserver } from './observer.ts';
import { Shell, closed, toleratedPauseMs } from './shell.ts';
import type { ShellEvent, Surroundings } from './shell.ts';
import { simulatedCluster, simulatedTrust } from './signing.ts';

export interface SimulationOptions {
  readonly nodes: number;
  readonly electors: number;
  readonly seed: number;
  readonly tuning?: Partial<EngineTuning>;
  readonly latency?: Latency;
  /** Share of frames lost on links that stand. */
  readonly frameLoss?: number;
  /** Virtual CPU time that a member spends on each frame it takes; members are single-threaded. */
  readonly frameCostMs?: number;
  /** How far the rates of the members' clocks are from 1 at most. */
  readonly clockSkew?: number;
  /** Members are started one after another over this time. */
  readonly startOverMs?: number;
  readonly observers?: readonly SimulationObserver[];
}

/** What happens at a moment of virtual time: to a process, or because the scenario says so. */
type SimulatedEvent = ShellEvent | { readonly kind: 'act'; readonly action: () => void };

/** Quartz: 100 ppm. */
const defaultClockSkew = 0.0001;

/** Beside the electors, a member is given this many others as seeds, as a DNS name of the tier gives. */
const otherSeeds = 5;

export class Simulation implements Surroundings {
  readonly network: Network;
  readonly observers: readonly SimulationObserver[];
  readonly frameCostMs: number;
  nowMs = 0;
  /** What becomes of frames on their way; by itself the network garbles nothing. */
  corruption: ((frame: Frame) => Received) | undefined;
  /** What members say instead of what they know; by themselves all are honest. */
  forgery: Forgery | undefined;
  /** Records that arrived and that no elector has signed. */
  recordsRefused = 0;
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #shell = new Shell(this);
  readonly #queue = new EventQueue<SimulatedEvent>();
  readonly #byAddress = new Map<Address, Host>();
  readonly #hosts: Host[] = [];

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.observers = options.observers ?? [];
    this.frameCostMs = options.frameCostMs ?? 0.05;
    this.#random = seededRandom(options.seed);
    this.network = new Network(options.latency ?? lan, this.#random, {
      arrive: (atMs, end, arrival) => {
        this.#queue.push(atMs, { kind: 'arrive', end, arrival });
      },
      expire: (atMs, end, sinceMs) => {
        this.#queue.push(atMs, { kind: 'expire', end, sinceMs });
      },
    });
    this.network.frameLoss = options.frameLoss ?? 0;
    for (let elector = 0; elector < options.electors; elector++) {
      this.at(0, () => this.join('elector'));
    }
    for (let node = 0; node < options.nodes; node++) {
      this.at(this.#random() * (options.startOverMs ?? 5000), () => this.join('node'));
    }
  }

  /** All that were ever started, in that order; their indexes are their places. */
  get members(): readonly SimulatedMember[] {
    return this.#hosts;
  }

  alive(): SimulatedMember[] {
    return this.#hosts.filter((host) => host.alive);
  }

  /** Runs until virtual time `untilMs`, or until `done` holds. Returns whether `done` held. */
  run(untilMs: number, done?: () => boolean): boolean {
    while (this.#queue.nextMs <= untilMs) {
      const next = this.#queue.pop();
      if (next === undefined) break;
      this.nowMs = next.atMs;
      if (next.event.kind === 'act') next.event.action();
      else this.#shell.happen(next.event);
      if (done?.() === true) return true;
    }
    if (this.#queue.nextMs > untilMs) this.nowMs = Math.max(this.nowMs, untilMs); // never back
    return done?.() ?? false;
  }

  /** Has something happen at a moment of virtual time. */
  at(atMs: number, action: () => void): void {
    this.#queue.push(Math.max(atMs, this.nowMs), { kind: 'act', action });
  }

  later(delayMs: number, event: ShellEvent): void {
    this.#queue.push(this.nowMs + delayMs, event);
  }

  publish(member: number, sealed: SealedRecord, ageMs = 0): void {
    this.#shell.feed(this.host(member), { kind: 'publish', sealed, ageMs });
  }

  /** Starts a new member, on a machine of its own. Returns its index. */
  join(role: Role): number {
    const index = this.#hosts.length;
    const contact = simulatedContact(index, role);
    const clock = this.#newClock();
    const host = new Host(index, contact, this.#newEngine(contact, clock), clock);
    this.#hosts.push(host);
    this.#byAddress.set(contact.address, host);
    this.network.addMember();
    this.#start(host);
    return index;
  }

  /**
   * A crash. When its process dies, its machine breaks its links and refuses new ones; when the
   * machine loses power, nobody is told, and packets to it vanish.
   */
  kill(member: number, what: 'process' | 'machine' = 'process'): void {
    const host = this.host(member);
    if (!host.alive) return;
    for (const end of this.network.endsOf(member)) {
      if (what === 'process') this.network.write(end, 'lost', this.nowMs);
      this.network.close(end);
    }
    host.state = what === 'process' ? 'down' : 'dark';
    if (what === 'machine') this.network.setDark(member, true, this.nowMs);
    this.#ended(host);
  }

  /** Starts a member that is down again, under the same node id and address, with nothing remembered. */
  restart(member: number): void {
    const host = this.host(member);
    if (host.alive) throw new RangeError(`member ${member} is alive`);
    const contact = { ...host.contact, generation: host.contact.generation + 1 };
    const clock = this.#newClock();
    host.renew(contact, this.#newEngine(contact, clock), clock);
    this.network.setDark(member, false, this.nowMs);
    this.#start(host);
  }

  /** Has a member say goodbye; then its process ends in good order. */
  leave(member: number): void {
    const host = this.host(member);
    if (!host.alive) return;
    this.#shell.feed(host, { kind: 'leave' });
    for (const end of this.network.endsOf(member)) {
      this.network.write(end, 'ended', this.nowMs);
      this.network.close(end);
    }
    host.state = 'left';
    this.#ended(host);
  }

  /** The process handles nothing for a while, then catches up. Its machine and its clock go on. */
  pause(member: number, forMs: number): void {
    const host = this.host(member);
    host.pausedUntilMs = Math.max(host.pausedUntilMs, this.nowMs + forMs);
    if (forMs > toleratedPauseMs) host.disturbedAtMs = host.pausedUntilMs;
    this.later(host.pausedUntilMs - this.nowMs, { kind: 'resume', host, life: host.life });
  }

  /** Whether it said goodbye, so that it does not come back. */
  hasLeft(member: number): boolean {
    return this.host(member).state === 'left';
  }

  /** From now on each task costs this member so many times what it costs others. */
  slowDown(member: number, factor: number): void {
    this.host(member).slowness = factor;
  }

  /** From now on these members share one thread, of which each task takes so much; without a time each has its own again. */
  crowd(members: readonly number[], taskMs: number | undefined): void {
    const thread = taskMs === undefined ? undefined : { taskMs, freeAtMs: this.nowMs };
    for (const member of members) this.#shell.share(this.host(member), thread);
  }

  /** Ends the link between two members, as a broken connection does. */
  cutLink(member: number, link: LinkId): void {
    const end = this.network.end(member, link);
    if (end === undefined) return;
    this.network.write(end, 'lost', this.nowMs);
    this.network.close(end);
    this.#shell.feed(this.host(member), closed(link, 'cut', 'lost'));
  }

  /** Lets all sides of the network reach each other again. */
  heal(): void {
    this.network.heal(this.nowMs);
    for (const host of this.#hosts) this.#disturbed(host);
  }

  host(index: number): Host {
    const host = this.#hosts[index];
    if (host === undefined) throw new RangeError(`no member ${index}`);
    return host;
  }

  hostAt(address: Address): Host | undefined {
    return this.#byAddress.get(address);
  }

  corrupt(member: number, frame: Frame): Received {
    const said = this.forgery?.(member, frame) ?? frame;
    return this.corruption === undefined ? said : this.corruption(said);
  }

  objectionTo(sealed: SealedRecord): RecordObjection | undefined {
    const objection = simulatedTrust.objectionTo(sealed);
    if (objection !== undefined) this.recordsRefused++;
    return objection;
  }

  #newClock(): MemberClock {
    return new MemberClock(this.#options.clockSkew ?? defaultClockSkew, this.#random);
  }

  #newEngine(contact: Contact, clock: MemberClock): Engine {
    const { tuning } = this.#options;
    return new Engine({
      cluster: simulatedCluster,
      self: contact,
      seeds: this.#seeds(),
      random: seededRandom(Math.floor(this.#random() * 2 ** 32)),
      nowMs: clock.readMs(this.nowMs),
      ...(tuning === undefined ? {} : { tuning }),
    });
  }

  /** The electors, and a few others at random. */
  #seeds(): Address[] {
    const electors = this.#hosts.slice(0, Math.max(this.#options.electors, 1));
    const seeds = new Set(electors.map(({ contact }) => contact.address));
    for (let drawn = 0; drawn < otherSeeds; drawn++) {
      const host = this.#hosts[Math.floor(this.#random() * this.#hosts.length)];
      if (host !== undefined) seeds.add(host.contact.address);
    }
    return [...seeds];
  }

  #start(host: Host): void {
    host.state = 'up';
    this.#disturbed(host);
    for (const observer of this.observers) observer.started?.(host);
    this.#shell.feed(host, { kind: 'wake' });
  }

  #ended(host: Host): void {
    host.life++;
    this.#disturbed(host);
    for (const observer of this.observers) observer.ended?.(host);
  }

  #disturbed(host: Host): void {
    host.disturbedAtMs = Math.max(host.disturbedAtMs, this.nowMs);
  }
}

function simulatedContact(index: number, role: Role): Contact {
  const nodeId = parseNodeId(`${role}-${index}`);
  return { nodeId, generation: 1, address: parseAddress(`${nodeId}:7400`), role };
}
