/** The running count of wrong beliefs is what counting them one by one gives. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseAddress, parseNodeId } from '@herald/core';
import type { Contact, Effect, EndpointState, Engine, MemberView } from '@herald/core';
import fc from 'fast-check';

import { Agreement } from './agreement.ts';
import { BrokenPromise } from './broken-promise.ts';

type Belief = 'reachable' | 'unreachable' | 'left' | undefined;

interface Actor {
  index: number;
  contact: Contact;
  engine: Engine;
  alive: boolean;
  pausedUntilMs: number;
  disturbedAtMs: number;
  /** By subject: in which life it believes to see it, and what it takes it for. */
  beliefs: Map<number, MemberView>;
}

function contactOf(index: number, generation: number): Contact {
  const nodeId = parseNodeId(`node-${index}`);
  return { nodeId, generation, address: parseAddress(`${nodeId}:7400`), role: 'node' };
}

function viewOf(
  index: number,
  generation: number,
  belief: Belief,
  version = 1,
): MemberView | undefined {
  if (belief === undefined) return undefined;
  const state: EndpointState = {
    contact: contactOf(index, generation),
    version,
    status: belief === 'left' ? 'left' : 'up',
    application: { zone: '', build: '', metadata: {}, applied: [], unreachable: [] },
  };
  const reachability = belief === 'reachable' ? 'reachable' : 'unreachable';
  return { state, reachability, suspectedBy: 0, sinceMs: 0, linked: false, self: false };
}

/** Three members under a checker whose virtual time a test sets. */
class Company {
  readonly surroundings = { nowMs: 0, network: { isWhole: true } };
  readonly agreement = new Agreement();
  readonly actors: Actor[] = [];

  constructor() {
    this.agreement.watch(this.surroundings);
    for (let index = 0; index < 3; index++) {
      const beliefs = new Map<number, MemberView>();
      const actor: Actor = {
        index,
        contact: contactOf(index, 1),
        // No more than this is asked of it.
        engine: {
          self: contactOf(index, 1),
          members: () => [...beliefs.values()],
        } as unknown as Engine,
        alive: true,
        pausedUntilMs: 0,
        disturbedAtMs: -Infinity,
        beliefs,
      };
      this.actors.push(actor);
      this.agreement.started(actor);
    }
  }

  actor(index: number): Actor {
    const actor = this.actors[index];
    assert.ok(actor !== undefined);
    return actor;
  }

  end(index: number): void {
    const actor = this.actor(index);
    if (!actor.alive) return;
    actor.alive = false;
    actor.beliefs.clear();
    this.agreement.ended(actor);
  }

  start(index: number): void {
    const actor = this.actor(index);
    if (actor.alive) return;
    actor.alive = true;
    this.#claim(actor);
    this.agreement.started(actor);
  }

  /** It claims a later life without having died, and nobody has been told yet. */
  outbid(index: number): void {
    const actor = this.actor(index);
    if (!actor.alive) return;
    this.#claim(actor);
    this.agreement.stepped(actor, { kind: 'wake' }, []);
  }

  #claim(actor: Actor): void {
    actor.contact = contactOf(actor.index, actor.contact.generation + 1);
    Object.assign(actor.engine, { self: actor.contact });
  }

  believe(observer: number, subject: number, view: MemberView | undefined): void {
    const actor = this.actor(observer);
    if (!actor.alive || observer === subject) return;
    const previous = actor.beliefs.get(subject);
    if (view === undefined) actor.beliefs.delete(subject);
    else actor.beliefs.set(subject, view);
    if (view === undefined && previous === undefined) return;
    const effect: Effect = { kind: 'member-changed', view, previous };
    this.agreement.stepped(actor, { kind: 'wake' }, [effect]);
  }

  countWrong(): number {
    let wrong = 0;
    for (const observer of this.actors) {
      for (const subject of this.actors) {
        if (!observer.alive || observer === subject) continue;
        const view = observer.beliefs.get(subject.index);
        const listed = view?.reachability === 'reachable';
        const present = view?.state.contact.generation === subject.contact.generation;
        if (subject.alive ? !(listed && present) : listed) wrong++;
      }
    }
    return wrong;
  }
}

const arbitraryMember = fc.nat({ max: 2 });
const arbitraryStep = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('end', 'start', 'outbid'),
      index: arbitraryMember,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('believe'),
      index: arbitraryMember,
      subject: arbitraryMember,
      // 0: as of a life before; 1: the present one.
      life: fc.nat({ max: 1 }),
      belief: fc.constantFrom<Belief>('reachable', 'reachable', 'unreachable', 'left', undefined),
    }),
  },
);

describe('agreement', () => {
  it('counts as one who counts anew each time, and who lists whom', () => {
    fc.assert(
      fc.property(fc.array(arbitraryStep, { size: 'medium' }), (steps) => {
        const company = new Company();
        for (const step of steps) {
          if ('subject' in step) {
            const { generation } = company.actor(step.subject).contact;
            const before = company.actor(step.index).beliefs.get(step.subject)?.state.contact;
            const seen = Math.max(generation - 1 + step.life, before?.generation ?? 1, 1);
            company.believe(step.index, step.subject, viewOf(step.subject, seen, step.belief));
          } else if (step.kind === 'end') company.end(step.index);
          else if (step.kind === 'start') company.start(step.index);
          else company.outbid(step.index);
          assert.equal(company.agreement.wrong, company.countWrong());
        }
        company.agreement.checkAgainstTables();
      }),
    );
  });

  it('knows how many list a member, and when the last one ceased to', () => {
    const company = new Company();
    company.believe(0, 1, viewOf(1, 1, 'reachable'));
    company.believe(2, 1, viewOf(1, 1, 'reachable'));
    company.end(1);
    company.surroundings.nowMs = 500;
    company.believe(0, 1, viewOf(1, 1, 'unreachable'));
    assert.equal(company.agreement.listing(1), 1);
    company.surroundings.nowMs = 800;
    company.believe(2, 1, viewOf(1, 1, 'unreachable'));
    assert.equal(company.agreement.listing(1), 0);
    assert.equal(company.agreement.unlistedAtMs(1), 800);
  });

  it('P2: notices a member that goes back to an older state', () => {
    const company = new Company();
    company.believe(0, 1, viewOf(1, 1, 'reachable', 5));
    assert.throws(
      () => company.believe(0, 1, viewOf(1, 1, 'reachable', 4)),
      (error) => error instanceof BrokenPromise && error.code === 'P2',
    );
  });

  it('notices a member that holds otherwise than it told', () => {
    const company = new Company();
    company.believe(0, 1, viewOf(1, 1, 'reachable'));
    company.actor(0).beliefs.delete(1);
    assert.throws(() => company.agreement.checkAgainstTables(), /told/);
  });

  it('counts who is declared unreachable for no reason, once for each time', () => {
    const company = new Company();
    const declare = (): void => {
      company.believe(0, 1, viewOf(1, 1, 'unreachable'));
      company.believe(2, 1, viewOf(1, 1, 'unreachable'));
    };
    declare();
    assert.equal(company.agreement.falseSuspicions, 1, 'two who say so are one declaration');
    company.surroundings.nowMs = 100_000;
    declare();
    assert.equal(company.agreement.falseSuspicions, 2);
  });

  it('does not count who was dead, cut off or long paused a while ago', () => {
    const company = new Company();
    const declare = (): void => company.believe(0, 1, viewOf(1, 1, 'unreachable'));
    company.actor(1).disturbedAtMs = 0;
    company.surroundings.nowMs = 20_000;
    declare();
    company.actor(1).disturbedAtMs = -Infinity;
    company.surroundings.network.isWhole = false;
    declare();
    company.surroundings.network.isWhole = true;
    company.end(1);
    declare();
    assert.equal(company.agreement.falseSuspicions, 0);
  });
});
