/** Arbitrary inputs for an engine, and a shell that checks after each of them all that must hold. */
import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { CloseCause, Effect, Input } from './effects.ts';
import { compareStates } from './endpoint-state.ts';
import type { EndpointState } from './endpoint-state.ts';
import { Engine } from './engine.ts';
import { arbitraryVersion, cluster, contact, sealed, stateOf, version } from './fixtures.test.ts';
import type { EffectOf } from './fixtures.test.ts';
import type { Contact, Frame, Role } from './frames.ts';
import { parseAddress, parseClusterName, parseElectionName, parseNodeId } from './ids.ts';
import type { ElectionName, LinkId, NodeId } from './ids.ts';
import { limits } from './limits.ts';
import { seededRandom } from './random.ts';
import { memberHash, nodeIdHash } from './state-hash.ts';
import { defaultTuning } from './tuning.ts';
import type { EngineTuning } from './tuning.ts';
import { isNewer } from './version.ts';
import type { Version } from './version.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'self'];
const elections = ['one', 'two', 'three', 'four'].map(parseElectionName);

const arbitraryElection = fc.constantFrom(...elections);
const arbitraryRole = fc.constantFrom<Role>('node', 'elector');
const arbitraryContact: fc.Arbitrary<Contact> = fc
  .tuple(
    fc.constantFrom(...names),
    fc.constantFrom(...names),
    fc.boolean(),
    fc.nat({ max: 3 }),
    arbitraryRole,
  )
  .map(([name, host, moved, generation, role]) =>
    contact(name, { generation, role, address: `${moved ? host : name}:7400` }),
  );
const arbitraryContacts = fc.array(arbitraryContact, { maxLength: limits.contactsPerFrameMax });
const arbitraryAt = fc.oneof(
  fc
    .tuple(fc.nat({ max: 4 }), fc.nat({ max: 3 }))
    .map(([epoch, renewal]) => version(epoch, renewal)),
  arbitraryVersion,
);
const arbitrarySealed = fc
  .record({
    version: arbitraryAt,
    election: arbitraryElection,
    issuer: fc.constantFrom('a', 'b'),
    validityMs: fc.oneof(fc.nat({ max: 5000 }), fc.nat({ max: limits.validityMsMax })),
    vacancy: fc.boolean(),
  })
  .map(sealed);

const arbitraryVerdict = fc.record({
  nodeId: fc.constantFrom(...names).map(parseNodeId),
  generation: fc.nat({ max: 3 }),
  version: fc.nat({ max: 6 }),
});
const arbitraryState: fc.Arbitrary<EndpointState> = fc
  .tuple(
    arbitraryContact,
    fc.oneof(fc.nat({ max: 6 }), fc.constant(Number.MAX_SAFE_INTEGER)),
    fc.constantFrom('joining' as const, 'up', 'up', 'leaving', 'left'),
    fc.array(arbitraryVerdict, { maxLength: 4 }),
  )
  .map(([member, stateVersion, status, unreachable]) =>
    stateOf(member, { version: stateVersion, status, unreachable }),
  );

const arbitraryFrame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    kind: fc.constant('hello' as const),
    cluster: fc.constantFrom(cluster, cluster, cluster, parseClusterName('other')),
    protocolMin: fc.constantFrom(1, 1, 1, 0, 2),
    protocolMax: fc.constantFrom(1, 1, 2, 2, 0, 7),
    member: arbitraryContact,
    probe: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('welcome' as const),
    protocol: fc.constantFrom(1, 1, 1, 2),
    member: arbitraryContact,
    contacts: arbitraryContacts,
  }),
  fc.record({
    kind: fc.constant('refuse' as const),
    reason: fc.constantFrom(
      'full' as const,
      'cluster-mismatch' as const,
      'protocol-mismatch' as const,
      'self' as const,
      'duplicate' as const,
      'superseded' as const,
      'invalid' as const,
    ),
    detail: fc.constant(''),
    contacts: arbitraryContacts,
  }),
  fc.record({
    kind: fc.constant('push' as const),
    mode: fc.constantFrom('eager' as const, 'lazy' as const, 'repair' as const),
    sealed: arbitrarySealed,
    ageMs: fc.oneof(fc.nat({ max: 5000 }), fc.nat({ max: limits.ageMsMax })),
    hops: fc.nat({ max: limits.hopsMax }),
  }),
  fc.record({ kind: fc.constant('prune' as const) }),
  fc.record({ kind: fc.constant('graft' as const) }),
  fc.record({
    kind: fc.constant('round' as const),
    nonce: fc.nat({ max: 3 }),
    hash: fc.record({ high: fc.nat(), low: fc.nat() }),
    contacts: arbitraryContacts,
    members: fc.option(
      fc.record({ hash: fc.record({ high: fc.nat(), low: fc.nat() }), count: fc.nat() }),
      { nil: undefined },
    ),
    beatMs: fc.nat(),
  }),
  fc.record({ kind: fc.constant('round-reply' as const), nonce: fc.nat({ max: 5 }) }),
  fc.record({
    kind: fc.constant('digest' as const),
    after: fc.option(arbitraryElection, { nil: undefined }),
    upTo: fc.option(arbitraryElection, { nil: undefined }),
    entries: fc.array(fc.record({ election: arbitraryElection, version: arbitraryAt }), {
      maxLength: 6,
    }),
  }),
  fc.record({
    kind: fc.constant('want' as const),
    elections: fc.array(arbitraryElection, { maxLength: 6 }),
  }),
  fc.nat({ max: 5 }).chain((power) =>
    fc.record({
      kind: fc.constant('member-hashes' as const),
      hashes: fc.array(fc.record({ high: fc.nat({ max: 2 }), low: fc.nat({ max: 2 }) }), {
        minLength: 2 ** power,
        maxLength: 2 ** power + 1,
      }),
    }),
  ),
  fc.record({
    kind: fc.constant('member-digest' as const),
    bucketCount: fc.constantFrom(1, 1, 2, 16, 3, limits.memberBucketsMax),
    buckets: fc.array(fc.nat({ max: 20 }), { maxLength: limits.memberDigestBucketsMax }),
    entries: fc.array(
      fc.record({
        nodeId: fc.constantFrom(...names).map(parseNodeId),
        generation: fc.nat({ max: 3 }),
        version: fc.nat({ max: 6 }),
      }),
      { maxLength: 8 },
    ),
    last: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('accusations' as const),
    accused: fc.array(
      fc
        .record({
          name: fc.constantFrom(...names).map(parseNodeId),
          generation: fc.nat({ max: 3 }),
          version: fc.nat({ max: 6 }),
          observers: fc.array(fc.constantFrom(...names).map(parseNodeId), {
            maxLength: limits.observersNamedMax,
          }),
        })
        .map(({ name, generation, version, observers }) => ({
          idHash: nodeIdHash(name),
          state: memberHash(name, { generation, version }),
          observers: observers.map(nodeIdHash),
        })),
      { maxLength: 8 },
    ),
  }),
  fc.record({
    kind: fc.constant('who-else' as const),
    known: fc.array(
      fc.constantFrom(...names).map((name) => nodeIdHash(parseNodeId(name))),
      {
        maxLength: 8,
      },
    ),
  }),
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('member-delta' as const),
      states: fc.array(
        fc.record({
          state: arbitraryState,
          unreachableForMs: fc.constantFrom(0, 0, 1, limits.ageMsMax),
        }),
        { maxLength: 4 },
      ),
      wants: fc.array(fc.constantFrom(...names).map(parseNodeId), { maxLength: 4 }),
      done: fc.boolean(),
    }),
  },
);

/** What may happen to a member. Links are picked by their turn among those there ever were. */
type Step =
  | { readonly kind: 'accept' | 'pull' | 'wake' | 'drain' }
  | { readonly kind: 'accept-hello'; readonly member: Contact }
  | { readonly kind: 'dialed'; readonly turn: number }
  | { readonly kind: 'closed'; readonly turn: number; readonly cause: CloseCause }
  | { readonly kind: 'welcome'; readonly turn: number; readonly member: Contact }
  | { readonly kind: 'frame'; readonly turn: number; readonly frame: Frame }
  | { readonly kind: 'publish'; readonly input: Extract<Input, { kind: 'publish' }> }
  | { readonly kind: 'introduce'; readonly name: string; readonly role: Role | undefined }
  | { readonly kind: 'jump' | 'run'; readonly ms: number };

const arbitraryTurn = fc.nat({ max: 30 });
const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('accept' as const, 'pull', 'wake', 'drain') }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('accept-hello' as const), member: arbitraryContact }),
  },
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.record({ kind: fc.constant('dialed' as const), turn: arbitraryTurn }),
      fc.record({
        kind: fc.constant('closed' as const),
        turn: arbitraryTurn,
        cause: fc.constantFrom<CloseCause[]>('refused', 'lost', 'ended'),
      }),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('welcome' as const),
      turn: arbitraryTurn,
      member: arbitraryContact,
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('frame' as const),
      turn: arbitraryTurn,
      frame: arbitraryFrame,
    }),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        kind: fc.constant('publish' as const),
        sealed: arbitrarySealed,
        ageMs: fc.nat({ max: 5000 }),
      })
      .map((input) => ({ kind: 'publish' as const, input })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('introduce' as const),
      name: fc.constantFrom(...names),
      role: fc.option(arbitraryRole, { nil: undefined }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('jump' as const, 'run'),
      ms: fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 20_000 })),
    }),
  },
);

/** A shell that checks all that must hold after every input. */
export class CheckedShell {
  readonly engine: Engine;
  readonly #role: Role;
  readonly #tuning: EngineTuning;
  readonly #newest = new Map<ElectionName, Version>();
  readonly #open = new Set<LinkId>();
  readonly #links: LinkId[] = [];
  #isolated = false;
  readonly #states = new Map<NodeId, EndpointState>();
  readonly #told = new Set<NodeId>([contact('self').nodeId]);
  nowMs = 0;
  /** Streams that the engine dialled and that nobody answered yet. */
  dials: LinkId[] = [];

  constructor(role: Role, seeds: readonly string[], tuning: Partial<EngineTuning>, seed: number) {
    this.#role = role;
    this.#tuning = { ...defaultTuning, ...tuning };
    this.engine = new Engine({
      cluster,
      self: contact('self', { role, generation: 2 }),
      seeds: seeds.map((name) => parseAddress(`${name}:7400`)),
      tuning,
      random: seededRandom(seed),
      nowMs: 0,
    });
  }

  take(step: Step): void {
    switch (step.kind) {
      case 'accept':
        this.#accept();
        return;
      case 'accept-hello': {
        const { member } = step;
        const hello = {
          kind: 'hello',
          cluster,
          protocolMin: 1,
          protocolMax: 2,
          member,
          probe: false,
        } as const;
        this.input({ kind: 'frame', link: this.#accept(), frame: hello });
        return;
      }
      case 'dialed':
        this.#on(step.turn, (link) => ({ kind: 'link-dialed', link }));
        return;
      case 'closed':
        this.#on(step.turn, (link) => ({
          kind: 'link-closed',
          link,
          reason: 'closed',
          cause: step.cause,
        }));
        return;
      case 'welcome': {
        const link = this.dials.at(step.turn % Math.max(1, this.dials.length));
        if (link === undefined) return;
        const { member } = step;
        const protocol = 1 + (step.turn % 2);
        const welcome = { kind: 'welcome', protocol, member, contacts: [] } as const;
        this.input({ kind: 'link-dialed', link });
        this.input({ kind: 'frame', link, frame: welcome });
        return;
      }
      case 'frame':
        this.#on(step.turn, (link) => ({ kind: 'frame', link, frame: step.frame }));
        return;
      case 'publish':
        this.input(step.input);
        return;
      case 'introduce': {
        const addresses = [parseAddress(`${step.name}:7400`)];
        this.input({ kind: 'introduce', addresses, role: step.role });
        return;
      }
      case 'pull':
      case 'wake':
      case 'drain':
        this.input({ kind: step.kind });
        return;
      case 'jump':
        this.nowMs += step.ms;
        return;
      case 'run':
        this.run(step.ms);
        return;
    }
  }

  /** Wakes the engine whenever it asks for it. Returns how often that was. */
  run(ms: number, between: () => void = () => undefined): number {
    const untilMs = this.nowMs + ms;
    for (let wakes = 0; ; wakes++) {
      assert.ok(wakes < 20_000, `still awake at ${this.nowMs} after ${wakes} wakes`);
      const dueMs = Math.max(this.engine.nextWakeMs, this.nowMs);
      assert.ok(!Number.isNaN(dueMs));
      if (dueMs > untilMs) {
        this.nowMs = untilMs;
        return wakes;
      }
      this.nowMs = dueMs;
      this.input({ kind: 'wake' });
      between();
    }
  }

  input(input: Input): void {
    if (input.kind === 'link-closed') {
      this.#open.delete(input.link);
      this.dials = this.dials.filter((link) => link !== input.link);
    }
    const effects = this.engine.handle(input, this.nowMs);
    for (const effect of effects) this.#check(effect);
    this.#checkBounds();
    this.#checkMembers();
    for (const effect of effects) {
      if (effect.kind !== 'close') continue;
      this.input({ kind: 'link-closed', link: effect.link, reason: effect.reason, cause: 'ended' });
    }
  }

  #accept(): LinkId {
    const link = this.engine.newLinkId();
    this.#links.push(link);
    this.#open.add(link);
    this.input({ kind: 'link-accepted', link });
    return link;
  }

  #on(turn: number, inputOf: (link: LinkId) => Input): void {
    const link = this.#links.at(-1 - (turn % Math.max(1, this.#links.length)));
    if (link !== undefined) this.input(inputOf(link));
  }

  #check(effect: Effect): void {
    switch (effect.kind) {
      case 'dial':
        assert.ok(!this.#open.has(effect.link), 'every dial has a link of its own');
        this.#links.push(effect.link);
        this.#open.add(effect.link);
        this.dials.push(effect.link);
        return;
      case 'close':
        assert.ok(this.#open.delete(effect.link), 'what is closed was open');
        return;
      case 'send':
        assert.ok(this.#open.has(effect.link), `${effect.frame.kind} to a link that is gone`);
        checkFrame(effect.frame);
        return;
      case 'applied': {
        const { election, version: at } = effect.held.sealed.record;
        assert.ok(isNewer(at, this.#newest.get(election)), 'P2: versions only go forward');
        this.#newest.set(election, at);
        return;
      }
      case 'isolation':
        assert.notEqual(effect.isolated, this.#isolated, 'isolation is told when it changes');
        this.#isolated = effect.isolated;
        return;
      case 'member-changed':
        this.#checkMember(effect);
        return;
      case 'identity-conflict':
        assert.equal(effect.ours.nodeId, effect.theirs.nodeId);
        assert.notEqual(effect.ours.address, effect.theirs.address);
        return;
      case 'expired':
      case 'link-up':
      case 'link-down':
      case 'refused':
        return;
    }
  }

  /** A change is one, and what is told of a member is what was told before, changed. */
  #checkMember({ view, previous }: EffectOf<'member-changed'>): void {
    const nodeId = (view ?? previous)?.state.contact.nodeId;
    assert.ok(nodeId !== undefined);
    assert.equal(previous === undefined, !this.#told.has(nodeId), 'a member joins once');
    if (view === undefined) this.#told.delete(nodeId);
    else this.#told.add(nodeId);
    if (view === undefined || previous === undefined) return;
    const changed =
      view.reachability !== previous.reachability ||
      view.state.status !== previous.state.status ||
      view.state.contact.generation !== previous.state.contact.generation;
    assert.ok(changed, 'what is told has changed');
  }

  /** Every state held only goes forward, and left stays left in one life. */
  #checkMembers(): void {
    const members = this.engine.members();
    const { live, unreachable, left } = this.engine.memberCounts;
    assert.equal(live + unreachable + left, members.length);
    assert.ok(members.length <= limits.membersMax);
    for (const { state, self, reachability } of members) {
      const before = this.#states.get(state.contact.nodeId);
      if (before !== undefined) {
        assert.ok(compareStates(state, before) >= 0, 'P2: no state goes back');
        const revived = before.status === 'left' && state.status !== 'left';
        assert.ok(!revived || state.contact.generation > before.contact.generation, 'left is left');
      }
      this.#states.set(state.contact.nodeId, state);
      assert.ok(state.application.unreachable.length <= limits.unreachableMax);
      if (self) assert.equal(reachability, 'reachable');
    }
    assert.equal(members.filter(({ self }) => self).length, 1);
  }

  #checkBounds(): void {
    const { fanout, inboundLinks } = this.#tuning;
    const forElectors = this.#role === 'elector' ? limits.electorLinksMax : 0;
    const links = this.engine.links();
    const outbound = links.filter(({ direction }) => direction === 'outbound').length;
    assert.ok(outbound <= 2 * fanout + 2 + forElectors, `${outbound} outbound links`);
    assert.ok(links.length - outbound <= inboundLinks + forElectors, 'inbound links');
    assert.equal(
      new Set(links.map(({ peer }) => peer.nodeId)).size,
      links.length,
      'one per member',
    );
    assert.ok(links.every(({ peer }) => peer.nodeId !== contact('self').nodeId));
    assert.ok(this.engine.contacts().length <= limits.contactsMax);
    for (const election of this.engine.elections()) {
      const at = this.engine.held(election)?.sealed.record.version;
      assert.deepEqual(at, this.#newest.get(election), 'P2: what is held is what was applied last');
    }
    assert.equal(this.engine.isolated, this.#isolated);
    assert.ok(!this.engine.isolated || links.length === 0);
  }
}

function checkFrame(frame: Frame): void {
  switch (frame.kind) {
    case 'push':
      assert.ok(frame.ageMs >= 0 && frame.ageMs <= limits.ageMsMax, `age ${frame.ageMs}`);
      assert.ok(frame.hops >= 0 && frame.hops <= limits.hopsMax, `hops ${frame.hops}`);
      return;
    case 'welcome':
    case 'refuse':
    case 'round':
      assert.ok(frame.contacts.length <= limits.contactsPerFrameMax);
      return;
    case 'digest':
      assert.ok(frame.entries.length <= limits.digestEntriesMax);
      return;
    case 'want':
      assert.ok(frame.elections.length <= limits.wantElectionsMax);
      return;
    case 'member-hashes':
      assert.ok(frame.hashes.length <= limits.memberBucketsMax);
      return;
    case 'member-digest':
      assert.ok(frame.buckets.length <= limits.memberDigestBucketsMax);
      assert.ok(frame.entries.length <= limits.memberDigestEntriesMax);
      return;
    case 'member-delta':
      assert.ok(frame.states.length <= limits.memberStatesPerFrameMax);
      assert.ok(frame.wants.length <= limits.memberWantsPerFrameMax);
      return;
    case 'accusations':
      assert.ok(frame.accused.length <= limits.accusedPerFrameMax);
      for (const { observers } of frame.accused)
        assert.ok(observers.length <= limits.observersNamedMax);
      return;
    case 'who-else':
      assert.ok(frame.known.length <= limits.lostNamedMax);
      return;
    case 'hello':
    case 'prune':
    case 'graft':
    case 'round-reply':
      return;
  }
}

const arbitraryTuning: fc.Arbitrary<Partial<EngineTuning>> = fc.record({
  fanout: fc.constantFrom(1, 4),
  inboundLinks: fc.constantFrom(2, 16),
  rotationMs: fc.constantFrom(0, 20_000, defaultTuning.rotationMs),
});

export const arbitraryRun = fc.record({
  role: arbitraryRole,
  seeds: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 4 }),
  tuning: arbitraryTuning,
  seed: fc.nat(),
  steps: fc.array(arbitraryStep, { minLength: 50, maxLength: 200, size: 'max' }),
});

type Run = typeof arbitraryRun extends fc.Arbitrary<infer T> ? T : never;

export function shellAfter({ role, seeds, tuning, seed, steps }: Run): CheckedShell {
  const shell = new CheckedShell(role, seeds, tuning, seed);
  for (const step of steps) shell.take(step);
  return shell;
}
