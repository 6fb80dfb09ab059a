/**
 * One simulated process with its machine: the engine, its clock, and what waits for its one thread.
 * Decides in which order a member gets to what has arrived; `simulation.ts` decides when.
 */
import type { Contact, Engine, Input, LinkId } from '@herald/core';
import type { MemberClock } from './member-clock.ts';
import type { EndOwner } from './network.ts';

/** Somebody's connection was taken by our machine; the process gets to it in its turn. */
export interface Knock {
  readonly kind: 'knock';
  readonly dialler: EndOwner;
  readonly delayMs: number;
}

export type Task = Input | Knock;

/**
 * `down`: the process is gone, the machine refuses. `dark`: the machine is gone, packets vanish. Both
 * may start again. `left`: it said goodbye and its process ended.
 */
export type HostState = 'new' | 'up' | 'down' | 'dark' | 'left';

/** What several processes run on, one task after the other in the order of arrival: a machine that is too small. */
export interface SharedThread {
  /** What each task takes of it. */
  readonly taskMs: number;
  freeAtMs: number;
}

export class Host {
  readonly index: number;
  contact: Contact;
  engine: Engine;
  clock: MemberClock;
  state: HostState = 'new';
  /** Grows with each start; what was meant for an earlier life is dropped. */
  life = 0;
  /** When its timer fires, in virtual time. */
  wakeAtMs = Infinity;
  /** What its thread has yet to take, in the order of arrival. */
  readonly inbox: Task[] = [];
  /** Whether its next look at the inbox is planned. */
  turnPlanned = false;
  busyUntilMs = 0;
  pausedUntilMs = 0;
  /** Its timer fired while it was paused: what had arrived by then comes first, as in a real loop. */
  wakeOwed = false;
  /** Its timer fired while it was busy: one wake waits in the inbox, and no more. */
  wakeQueued = false;
  /** Where it does not have a thread of its own. */
  thread: SharedThread | undefined;
  /** Factor on the cost of each task. */
  slowness = 1;
  /** Dials that nobody answered yet. */
  readonly dials = new Set<LinkId>();
  /** When it was last dead, paused or cut off: until a while later, others may be wrong about it. */
  disturbedAtMs = -Infinity;

  constructor(index: number, contact: Contact, engine: Engine, clock: MemberClock) {
    this.index = index;
    this.contact = contact;
    this.engine = engine;
    this.clock = clock;
  }

  get alive(): boolean {
    return this.state === 'up';
  }

  /** A new process on this machine, that remembers nothing. */
  renew(contact: Contact, engine: Engine, clock: MemberClock): void {
    this.contact = contact;
    this.engine = engine;
    this.clock = clock;
    this.life++;
    this.wakeAtMs = Infinity;
    this.inbox.length = 0;
    this.turnPlanned = false;
    this.busyUntilMs = 0;
    this.pausedUntilMs = 0;
    this.wakeOwed = false;
    this.wakeQueued = false;
    this.dials.clear();
  }
}
