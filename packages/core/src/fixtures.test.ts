/** What the tests of the core share: records and contacts, one engine on a bench, several on a wire. */
import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { CloseCause, Effect, Input } from './effects.ts';
import type {
  AppliedChange,
  ApplicationFacts,
  EndpointState,
  MemberStatus,
  Verdict,
} from './endpoint-state.ts';
import { Engine } from './engine.ts';
import { membershipProtocol } from './frames.ts';
import type { Contact, Frame, ProtocolRange, PushFrame, PushMode, Role } from './frames.ts';
import { linkId, parseAddress, parseClusterName, parseElectionName, parseNodeId } from './ids.ts';
import type { Address, ElectionName, LinkId } from './ids.ts';
import type { MemberView } from './member-view.ts';
import { LeaderPlane } from './leader-plane.ts';
import { seededRandom } from './random.ts';
import type { HeldRecord, SealedRecord } from './record.ts';
import { defaultTuning } from './tuning.ts';
import type { EngineTuning } from './tuning.ts';
import type { Version } from './version.ts';

export const cluster = parseClusterName('test');
export const payments = parseElectionName('payments');

export function version(epoch: number, renewal = 0, sequence = epoch, lineage = 0): Version {
  return { lineage, epoch: BigInt(epoch), sequence: BigInt(sequence), renewal };
}

export interface RecordParts {
  readonly version: Version;
  readonly election?: ElectionName;
  readonly issuer?: string;
  readonly validityMs?: number;
  readonly vacancy?: boolean;
}

export function sealed(parts: RecordParts): SealedRecord {
  const base = {
    election: parts.election ?? payments,
    version: parts.version,
    issuer: parseNodeId(parts.issuer ?? 'elector-1'),
  };
  return {
    record:
      parts.vacancy === true
        ? { kind: 'vacancy', ...base }
        : {
            kind: 'leader',
            ...base,
            validityMs: parts.validityMs ?? 3000,
            leader: { id: parseNodeId('service-1'), address: 'service-1:80', metadata: {} },
          },
    bytes: new Uint8Array(),
    keyId: '',
    signature: new Uint8Array(),
  };
}

export function held(record: SealedRecord, parts: Partial<HeldRecord> = {}): HeldRecord {
  return { sealed: record, appliedAtMs: 0, ageAtApplyMs: 0, hops: 0, ...parts };
}

export function push(
  record: SealedRecord,
  parts: { readonly mode?: PushMode; readonly ageMs?: number; readonly hops?: number } = {},
): PushFrame {
  return { kind: 'push', sealed: record, mode: 'eager', ageMs: 0, hops: 0, ...parts };
}

export function contact(
  name: string,
  parts: { readonly role?: Role; readonly generation?: number; readonly address?: string } = {},
): Contact {
  return {
    nodeId: parseNodeId(name),
    generation: parts.generation ?? 1,
    address: parseAddress(parts.address ?? `${name}:7400`),
    role: parts.role ?? 'node',
  };
}

/** Of a member that speaks the leader plane alone, unless said otherwise. */
export function hello(member: Contact, protocolMax = 1): Frame {
  return { kind: 'hello', cluster, protocolMin: 1, protocolMax, member, probe: false };
}

export interface StateParts {
  readonly version?: number;
  readonly status?: MemberStatus;
  readonly unreachable?: readonly Verdict[];
  readonly applied?: readonly AppliedChange[];
  readonly zone?: string;
}

/** What a member says of itself. */
export function stateOf(member: Contact, parts: StateParts = {}): EndpointState {
  return {
    contact: member,
    version: parts.version ?? 1,
    status: parts.status ?? 'up',
    application: {
      zone: parts.zone ?? '',
      build: '',
      metadata: {},
      applied: parts.applied ?? [],
      unreachable: parts.unreachable ?? [],
    },
  };
}

/** "I cannot reach it", of the state that `stateOf` makes. */
export function verdictOn(member: Contact, stateVersion = 1): Verdict {
  return { nodeId: member.nodeId, generation: member.generation, version: stateVersion };
}

export function delta(...states: readonly EndpointState[]): Frame {
  const carried = states.map((state) => ({ state, unreachableForMs: 0 }));
  return { kind: 'member-delta', states: carried, wants: [], done: false };
}

export const arbitraryVersion: fc.Arbitrary<Version> = fc.record({
  lineage: fc.nat({ max: 2 }),
  epoch: fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })),
  sequence: fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })),
  renewal: fc.oneof(fc.nat({ max: 3 }), fc.nat()),
});

export type EffectOf<Kind extends Effect['kind']> = Extract<Effect, { kind: Kind }>;

export function ofKind<Kind extends Effect['kind']>(
  effects: readonly Effect[],
  kind: Kind,
): EffectOf<Kind>[] {
  return effects.filter((effect): effect is EffectOf<Kind> => effect.kind === kind);
}

export type FrameOf<Kind extends Frame['kind']> = Extract<Frame, { kind: Kind }>;

/** The frames of a kind that were sent, over one link or all of them. */
export function sent<Kind extends Frame['kind']>(
  effects: readonly Effect[],
  kind: Kind,
  link?: LinkId,
): FrameOf<Kind>[] {
  return ofKind(effects, 'send')
    .filter((effect) => link === undefined || effect.link === link)
    .map((effect) => effect.frame)
    .filter((frame): frame is FrameOf<Kind> => frame.kind === kind);
}

export interface BenchOptions {
  readonly self?: Contact;
  readonly protocol?: ProtocolRange;
  readonly application?: Partial<ApplicationFacts>;
  readonly seeds?: readonly string[];
  readonly tuning?: Partial<EngineTuning>;
  readonly seed?: number;
}

/** One engine, its time, and every effect that it returned. */
export class Bench {
  readonly self: Contact;
  /** Tells benches apart that share a node id. */
  readonly name: string;
  readonly engine: Engine;
  nowMs = 0;
  readonly log: Effect[] = [];

  constructor(options: BenchOptions = {}) {
    this.self = options.self ?? contact('self');
    this.name = `${this.self.nodeId}/${this.self.generation}@${this.self.address}`;
    this.engine = new Engine({
      cluster,
      self: this.self,
      seeds: (options.seeds ?? []).map((address) => parseAddress(address)),
      tuning: options.tuning ?? {},
      random: seededRandom(options.seed ?? 1),
      nowMs: 0,
      ...(options.protocol === undefined ? {} : { protocol: options.protocol }),
      ...(options.application === undefined ? {} : { application: options.application }),
    });
  }

  /** Feeds one input; a close that it brings is carried out. */
  input(input: Input): readonly Effect[] {
    const effects = [...this.engine.handle(input, this.nowMs)];
    this.log.push(...effects);
    for (const { link, reason } of ofKind(effects, 'close')) {
      effects.push(...this.input({ kind: 'link-closed', link, reason, cause: 'ended' }));
    }
    return effects;
  }

  frame(link: LinkId, frame: Frame): readonly Effect[] {
    return this.input({ kind: 'frame', link, frame });
  }

  /** Lets time pass, waking whenever the engine asks for it. Returns what that brought. */
  advance(ms: number): Effect[] {
    const untilMs = this.nowMs + ms;
    const effects: Effect[] = [];
    for (let wakes = 0; ; wakes++) {
      assert.ok(wakes < 100_000, 'the engine asks for wakes without end');
      const dueMs = Math.max(this.engine.nextWakeMs, this.nowMs);
      if (dueMs > untilMs) break;
      this.nowMs = dueMs;
      effects.push(...this.input({ kind: 'wake' }));
    }
    this.nowMs = untilMs;
    return effects;
  }

  /** Somebody opens a stream and greets. */
  greetedBy(member: Contact): { link: LinkId; effects: readonly Effect[] } {
    const link = this.engine.newLinkId();
    this.input({ kind: 'link-accepted', link });
    return { link, effects: this.frame(link, hello(member)) };
  }

  /** A link that somebody opened to us, and that stands. */
  inbound(member: Contact): LinkId {
    const { link, effects } = this.greetedBy(member);
    assert.equal(sent(effects, 'welcome').length, 1, 'the hello is welcome');
    return link;
  }

  /** A link that somebody who carries the membership opened to us; it has said who it is. */
  member(state: EndpointState): LinkId {
    const link = this.engine.newLinkId();
    this.input({ kind: 'link-accepted', link });
    this.frame(link, hello(state.contact, membershipProtocol));
    this.frame(link, delta(state));
    assert.ok(this.isUp(link), 'the hello is welcome');
    return link;
  }

  view(member: Contact): MemberView | undefined {
    return this.engine.member(member.nodeId);
  }

  /** Lets time pass while the other ends of these links give a sign of life now and then. */
  advanceBeating(ms: number, links: readonly LinkId[]): Effect[] {
    const effects: Effect[] = [];
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs;) {
      effects.push(...this.advance(Math.min(1000, untilMs - this.nowMs)));
      for (const link of links)
        effects.push(...this.frame(link, { kind: 'round-reply', nonce: 0 }));
    }
    return effects;
  }

  /** Lets time pass while all that is dialled ends in the same way. */
  advanceDialling(ms: number, cause: CloseCause): Effect[] {
    const effects: Effect[] = [];
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs;) {
      const step = this.advance(Math.min(10, untilMs - this.nowMs));
      effects.push(...step);
      for (const { link } of ofKind(step, 'dial')) effects.push(...this.closed(link, cause, cause));
    }
    return effects;
  }

  /** Lets time pass until somebody is dialled. */
  nextDial(withinMs: number): EffectOf<'dial'> {
    const untilMs = this.nowMs + withinMs;
    while (this.nowMs < untilMs) {
      const [dial] = ofKind(this.advance(Math.min(10, untilMs - this.nowMs)), 'dial');
      if (dial !== undefined) return dial;
    }
    assert.fail(`nobody was dialled within ${withinMs} ms`);
  }

  /** The dials asked for so far to this address, latest last. */
  dials(address: Address): LinkId[] {
    return ofKind(this.log, 'dial')
      .filter((dial) => dial.address === address)
      .map((dial) => dial.link);
  }

  /** The stream that a dial asked for opens, and the other end welcomes us. */
  welcomedBy(link: LinkId, member: Contact, contacts: readonly Contact[] = []): readonly Effect[] {
    this.input({ kind: 'link-dialed', link });
    return this.frame(link, { kind: 'welcome', protocol: 1, member, contacts });
  }

  /** A link that we dialled at the member's address, and that stands. */
  outbound(member: Contact): LinkId {
    if (this.dials(member.address).length === 0) {
      this.input({ kind: 'introduce', addresses: [member.address], role: undefined });
      this.advance(0);
    }
    const link = this.dials(member.address).at(-1);
    assert.ok(link !== undefined, `${member.address} was dialled`);
    this.welcomedBy(link, member);
    return link;
  }

  /** The stream ends, as the other side or the network has it. */
  closed(link: LinkId, reason = 'gone', cause: CloseCause = 'lost'): readonly Effect[] {
    return this.input({ kind: 'link-closed', link, reason, cause });
  }

  isUp(link: LinkId): boolean {
    return this.engine.links().some((view) => view.id === link);
  }
}

/** Several engines on a wire without delay: frames of a stream stay in order. */
export class Wire {
  readonly benches: readonly Bench[];
  readonly #ends = new Map<string, { bench: Bench; link: LinkId }>();
  readonly #pending: (() => void)[] = [];
  readonly #dead = new Set<Bench>();
  readonly #silent = new Set<Bench>();
  /** What waits for members that are paused. */
  readonly #paused = new Map<Bench, Input[]>();

  constructor(benches: readonly Bench[]) {
    this.benches = benches;
  }

  /** Feeds one input and carries out what follows from it, up to frames that are under way. */
  input(bench: Bench, input: Input): void {
    if (this.#dead.has(bench)) return;
    const waiting = this.#paused.get(bench);
    if (waiting === undefined) this.#carryOut(bench, bench.input(input));
    else waiting.push(input);
  }

  /** Delivers what is under way until nothing is. */
  settle(): void {
    for (let steps = 0; this.#pending.length > 0; steps++) {
      assert.ok(steps < 100_000, 'the members never fall silent');
      this.#pending.shift()?.();
    }
  }

  /** Lets time pass for all, in steps, with everything delivered in between. */
  advance(ms: number, stepMs = 10): void {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      for (const bench of this.benches) {
        if (this.#dead.has(bench)) continue;
        if (this.#paused.has(bench)) bench.nowMs += stepMs;
        else this.#carryOut(bench, bench.advance(stepMs));
      }
      this.settle();
    }
  }

  /** A process dies: its links break at their other ends, and its port refuses. */
  crash(bench: Bench): void {
    this.#dead.add(bench);
    for (const [of, end] of this.#ends) {
      if (!of.startsWith(`${bench.name} `)) continue;
      const { link } = end;
      this.#pending.push(() => {
        this.input(end.bench, { kind: 'link-closed', link, reason: 'reset', cause: 'lost' });
      });
    }
  }

  /** A process stops, as by SIGSTOP: its streams stand, and what arrives waits. */
  pause(bench: Bench): void {
    this.#paused.set(bench, []);
  }

  /** It goes on, and finds what has arrived. */
  resume(bench: Bench): void {
    const waiting = this.#paused.get(bench) ?? [];
    this.#paused.delete(bench);
    for (const input of waiting) this.input(bench, input);
    this.settle();
  }

  /** What is said to or by this member from here on gets lost without a word; or no more. */
  silence(bench: Bench, silent = true): void {
    if (silent) this.#silent.add(bench);
    else this.#silent.delete(bench);
  }

  #carryOut(bench: Bench, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'dial') this.#dial(bench, effect.link, effect.address);
      else if (effect.kind === 'send') {
        const { link, frame } = effect;
        this.#toOther(bench, link, (to) => ({ kind: 'frame', link: to, frame }));
      } else if (effect.kind === 'close') {
        const { link, reason } = effect;
        this.#toOther(bench, link, (to) => ({
          kind: 'link-closed',
          link: to,
          reason,
          cause: 'ended',
        }));
        this.#pending.push(() => {
          this.input(bench, { kind: 'link-closed', link, reason, cause: 'ended' });
        });
      }
    }
  }

  #dial(bench: Bench, link: LinkId, address: Address): void {
    this.#pending.push(() => {
      const other = this.benches.find((one) => one.self.address === address);
      if (this.#silent.has(bench) || (other !== undefined && this.#silent.has(other))) return;
      if (other === undefined || this.#dead.has(other)) {
        this.input(bench, { kind: 'link-closed', link, reason: 'refused', cause: 'refused' });
        return;
      }
      const theirs = other.engine.newLinkId();
      this.#ends.set(key(bench, link), { bench: other, link: theirs });
      this.#ends.set(key(other, theirs), { bench, link });
      this.input(other, { kind: 'link-accepted', link: theirs });
      this.input(bench, { kind: 'link-dialed', link });
    });
  }

  #toOther(bench: Bench, link: LinkId, inputOf: (link: LinkId) => Input): void {
    const end = this.#ends.get(key(bench, link));
    if (end === undefined || this.#silent.has(bench) || this.#silent.has(end.bench)) return;
    this.#pending.push(() => {
      this.input(end.bench, inputOf(end.link));
    });
  }
}

function key(bench: Bench, link: LinkId): string {
  return `${bench.name} ${link}`;
}

export const link1 = linkId(1);
export const link2 = linkId(2);
export const link3 = linkId(3);

export function peers(count: number, prefix = 'peer'): Contact[] {
  return Array.from({ length: count }, (_, n) => contact(`${prefix}-${n}`));
}

export function addresses(members: readonly Contact[]): string[] {
  return members.map(({ address }) => address);
}

/** Welcomes every dial until nothing is dialled any more; returns the links. */
export function welcomeAll(bench: Bench, members: readonly Contact[]): LinkId[] {
  const links: LinkId[] = [];
  for (;;) {
    const dials = ofKind(bench.advance(0), 'dial');
    if (dials.length === 0) return links;
    for (const { link, address } of dials) {
      const member = members.find((one) => one.address === address);
      assert.ok(member !== undefined);
      bench.welcomedBy(link, member);
      links.push(link);
    }
  }
}

/** A leader plane by itself, with what it emitted. */
export class PlaneBench {
  readonly effects: Effect[] = [];
  readonly plane: LeaderPlane;

  constructor(links = [link1, link2, link3]) {
    this.plane = new LeaderPlane(defaultTuning, seededRandom(1), (effect) => {
      this.effects.push(effect);
    });
    for (const link of links) this.plane.linkUp(link, 'outbound');
  }

  /** What was emitted since the last call. */
  take(): Effect[] {
    return this.effects.splice(0);
  }

  heldVersion(): Version | undefined {
    return this.plane.held(payments)?.sealed.record.version;
  }
}
