/**
 * A cluster of engines under virtual time: the shell of `@herald/member` replaced by a queue of
 * events. Everything random comes from one seed, so a run is its seed and replays.
 */
import {
  Engine,
  assertNever,
  parseAddress,
  parseClusterName,
  parseNodeId,
  seededRandom,
} from '@herald/core';
import type {
  Address,
  CloseCause,
  Contact,
  Effect,
  EngineTuning,
  Frame,
  HeldRecord,
  Input,
  LinkId,
  PushMode,
  Random,
  Role,
  SealedRecord,
} from '@herald/core';
import { EventQueue } from './event-queue.ts';
import { Network } from './network.ts';
import type { End, NetworkOptions } from './network.ts';

export interface SimulationOptions extends Partial<NetworkOptions> {
  readonly nodes: number;
  readonly electors: number;
  readonly seed: number;
  readonly tuning?: Partial<EngineTuning>;
  /** Virtual CPU time that a member spends on each frame it takes; members are single-threaded. */
  readonly frameCostMs?: number;
  /** Members are started one after another over this time. */
  readonly startOverMs?: number;
  readonly onApplied?: (
    member: SimulatedMember,
    held: HeldRecord,
    isChange: boolean,
    atMs: number,
  ) => void;
  /** Called after every input that a member took: the place for checks that hold at every step. */
  readonly onStep?: (member: SimulatedMember, input: Input, atMs: number) => void;
}

export interface SimulatedMember {
  readonly index: number;
  /** Of its present life: the generation grows with each restart. */
  readonly contact: Contact;
  readonly engine: Engine;
  readonly alive: boolean;
}

/** What the simulation keeps of a member. */
interface Host {
  readonly index: number;
  contact: Contact;
  engine: Engine;
  alive: boolean;
  /** Grows with each restart; what was meant for an earlier life is dropped. */
  life: number;
  wakeAtMs: number;
  /** Frames that wait while the member is busy, in the order of arrival. */
  inbox: Input[];
  busyUntilMs: number;
}

type SimulatedEvent =
  | { readonly kind: 'start'; readonly member: number }
  | { readonly kind: 'wake' | 'turn'; readonly member: number; readonly life: number }
  | {
      readonly kind: 'accept';
      readonly dialer: End;
      readonly target: number;
      readonly delayMs: number;
    }
  | {
      readonly kind: 'input';
      readonly member: number;
      readonly life: number;
      readonly input: Input;
    };

export const simulatedCluster = parseClusterName('simulated');

export class Simulation {
  readonly framesSent: Record<Frame['kind'], number> = {
    hello: 0,
    welcome: 0,
    refuse: 0,
    push: 0,
    prune: 0,
    graft: 0,
    round: 0,
    'round-reply': 0,
    digest: 0,
    want: 0,
    'member-hashes': 0,
    'member-digest': 0,
    'member-delta': 0,
  };
  nowMs = 0;
  readonly #options: SimulationOptions;
  readonly #frameCostMs: number;
  readonly #random: Random;
  readonly #queue = new EventQueue<SimulatedEvent>();
  readonly #byAddress = new Map<Address, number>();
  readonly #seeds: readonly Address[];
  readonly #network: Network;
  readonly #hosts: Host[];

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#frameCostMs = options.frameCostMs ?? 0.05;
    this.#random = seededRandom(options.seed);
    const count = options.electors + options.nodes;
    const contacts = Array.from({ length: count }, (_, index) =>
      simulatedContact(index, options.electors),
    );
    this.#network = new Network(
      count,
      { latencyMs: options.latencyMs ?? { min: 0.1, max: 1 }, frameLoss: options.frameLoss ?? 0 },
      this.#random,
    );
    this.#seeds = contacts.slice(0, Math.max(options.electors, 1)).map(({ address }) => address);
    const startOverMs = options.startOverMs ?? 5000;
    this.#hosts = contacts.map((contact, index) => {
      this.#byAddress.set(contact.address, index);
      const startMs = index < options.electors ? 0 : this.#random() * startOverMs;
      this.#queue.push(startMs, { kind: 'start', member: index });
      return {
        index,
        contact,
        engine: this.#newEngine(contact),
        alive: false,
        life: 1,
        wakeAtMs: Infinity,
        inbox: [],
        busyUntilMs: 0,
      };
    });
  }

  get members(): readonly SimulatedMember[] {
    return this.#hosts;
  }

  alive(): SimulatedMember[] {
    return this.#hosts.filter((host) => host.alive);
  }

  pushesSent(mode: PushMode): number {
    return this.#hosts.reduce((sum, { engine }) => sum + engine.counters.pushesSent[mode], 0);
  }

  /** Runs until virtual time `untilMs`, or until `done` holds. Returns whether `done` held. */
  run(untilMs: number, done?: () => boolean): boolean {
    while (this.#queue.nextMs <= untilMs) {
      const next = this.#queue.pop();
      if (next === undefined) break;
      this.nowMs = next.atMs;
      this.#happen(next.event);
      if (done?.() === true) return true;
    }
    if (this.#queue.nextMs > untilMs) this.nowMs = untilMs;
    return done?.() ?? false;
  }

  publish(member: number, sealed: SealedRecord, ageMs = 0): void {
    this.#feed(this.#host(member), { kind: 'publish', sealed, ageMs });
  }

  /**
   * A crash. The other ends of its links learn it after the link's delay, as when a process dies; or
   * only after `noticedAfterMs`, as when a machine loses power.
   */
  kill(member: number, options: { readonly noticedAfterMs?: number } = {}): void {
    this.#host(member).alive = false;
    for (const link of this.#network.linksOf(member)) {
      this.#hangUp(member, link, 'peer is gone', 'lost', options.noticedAfterMs);
    }
  }

  /** Starts a killed member again, under the same node id and address, with nothing remembered. */
  restart(member: number): void {
    const host = this.#host(member);
    if (host.alive) throw new RangeError(`member ${member} is alive`);
    host.contact = { ...host.contact, generation: host.contact.generation + 1 };
    host.engine = this.#newEngine(host.contact);
    host.life++;
    host.wakeAtMs = Infinity;
    host.inbox = [];
    host.busyUntilMs = this.nowMs;
    this.#queue.push(this.nowMs, { kind: 'start', member });
  }

  /** Ends the link between two members, as a broken connection does. */
  cutLink(member: number, link: LinkId): void {
    this.#hangUp(member, link, 'cut', 'lost');
    this.#feed(this.#host(member), { kind: 'link-closed', link, reason: 'cut', cause: 'lost' });
  }

  #newEngine(contact: Contact): Engine {
    const { tuning } = this.#options;
    return new Engine({
      cluster: simulatedCluster,
      self: contact,
      seeds: this.#seeds,
      random: seededRandom(Math.floor(this.#random() * 2 ** 32)),
      nowMs: this.nowMs,
      ...(tuning === undefined ? {} : { tuning }),
    });
  }

  #happen(event: SimulatedEvent): void {
    const host = this.#host(event.kind === 'accept' ? event.target : event.member);
    switch (event.kind) {
      case 'start':
        host.alive = true;
        this.#feed(host, { kind: 'wake' });
        return;
      case 'wake':
        if (event.life !== host.life || this.nowMs < host.wakeAtMs) return; // replaced by a later one
        host.wakeAtMs = Infinity;
        this.#feed(host, { kind: 'wake' });
        return;
      case 'turn':
        if (event.life === host.life) this.#takeNext(host);
        return;
      case 'accept':
        this.#accept(event.dialer, host, event.delayMs);
        return;
      case 'input':
        if (event.life !== host.life || !host.alive) return;
        host.inbox.push(event.input);
        if (host.inbox.length > 1) return; // its turn is planned already
        if (host.busyUntilMs > this.nowMs) this.#planTurn(host);
        else this.#takeNext(host);
        return;
      default:
        assertNever(event);
    }
  }

  #takeNext(host: Host): void {
    const input = host.inbox.shift();
    if (input === undefined) return;
    host.busyUntilMs = this.nowMs + this.#frameCostMs;
    if (host.inbox.length > 0) this.#planTurn(host);
    this.#feed(host, input);
  }

  #planTurn({ busyUntilMs, index, life }: Host): void {
    this.#queue.push(busyUntilMs, { kind: 'turn', member: index, life });
  }

  #feed(host: Host, input: Input): void {
    if (!host.alive) return;
    for (const effect of host.engine.handle(input, this.nowMs)) this.#carryOut(host, effect);
    const wakeMs = Math.max(host.engine.nextWakeMs, this.nowMs);
    if (wakeMs < host.wakeAtMs) {
      host.wakeAtMs = wakeMs;
      this.#queue.push(wakeMs, { kind: 'wake', member: host.index, life: host.life });
    }
    this.#options.onStep?.(host, input, this.nowMs);
  }

  #carryOut(host: Host, effect: Effect): void {
    switch (effect.kind) {
      case 'dial':
        this.#dial(host, effect.link, effect.address);
        return;
      case 'send':
        this.#send(host, effect.link, effect.frame);
        return;
      case 'close': {
        const { link, reason } = effect;
        this.#hangUp(host.index, link, reason, 'ended');
        this.#later(host.index, host.life, 0, {
          kind: 'link-closed',
          link,
          reason,
          cause: 'ended',
        });
        return;
      }
      case 'applied':
        this.#options.onApplied?.(host, effect.held, effect.isChange, this.nowMs);
        return;
      case 'expired':
      case 'link-up':
      case 'link-down':
      case 'refused':
      case 'isolation':
      case 'member-changed':
      case 'identity-conflict':
        return;
      default:
        assertNever(effect);
    }
  }

  #dial({ index, life }: Host, link: LinkId, address: Address): void {
    const delayMs = this.#network.drawDelayMs();
    const target = this.#byAddress.get(address);
    if (target === undefined) {
      this.#later(index, life, delayMs, {
        kind: 'link-closed',
        link,
        reason: 'no such host',
        cause: 'refused',
      });
      return;
    }
    const dialer: End = { member: index, life, link };
    this.#queue.push(this.nowMs + delayMs, { kind: 'accept', dialer, target, delayMs });
  }

  #accept(dialer: End, host: Host, delayMs: number): void {
    const caller = this.#host(dialer.member);
    if (!caller.alive || caller.life !== dialer.life) return;
    const { link } = dialer;
    if (!host.alive) {
      const refused: Input = { kind: 'link-closed', link, reason: 'refused', cause: 'refused' };
      this.#later(dialer.member, dialer.life, delayMs, refused);
      return;
    }
    const end: End = { member: host.index, life: host.life, link: host.engine.newLinkId() };
    this.#network.connect(dialer, end, delayMs);
    this.#feed(host, { kind: 'link-accepted', link: end.link });
    this.#later(dialer.member, dialer.life, delayMs, { kind: 'link-dialed', link });
  }

  #send({ index }: Host, link: LinkId, frame: Frame): void {
    this.framesSent[frame.kind]++;
    const route = this.#network.route(index, link);
    if (route === undefined) return;
    const isGreeting =
      frame.kind === 'hello' || frame.kind === 'welcome' || frame.kind === 'refuse';
    if (!isGreeting && this.#network.losesFrame()) return;
    const { to, delayMs } = route;
    this.#later(to.member, to.life, delayMs, { kind: 'frame', link: to.link, frame });
  }

  #hangUp(member: number, link: LinkId, reason: string, cause: CloseCause, afterMs?: number): void {
    const route = this.#network.disconnect(member, link);
    if (route === undefined) return;
    const { to, delayMs } = route;
    const closed: Input = { kind: 'link-closed', link: to.link, reason, cause };
    this.#later(to.member, to.life, afterMs ?? delayMs, closed);
  }

  #later(member: number, life: number, delayMs: number, input: Input): void {
    this.#queue.push(this.nowMs + delayMs, { kind: 'input', member, life, input });
  }

  #host(index: number): Host {
    const host = this.#hosts[index];
    if (host === undefined) throw new RangeError(`no member ${index}`);
    return host;
  }
}

function simulatedContact(index: number, electors: number): Contact {
  const role: Role = index < electors ? 'elector' : 'node';
  const nodeId = parseNodeId(`${role}-${index}`);
  return { nodeId, generation: 1, address: parseAddress(`${nodeId}:7400`), role };
}
