/** What those who check and those who measure see of a simulation. */
import type { Contact, Effect, Engine, Frame, Input } from '@herald/core';

export interface SimulatedMember {
  readonly index: number;
  /** Of its present life: the generation grows with each restart. */
  readonly contact: Contact;
  readonly engine: Engine;
  readonly alive: boolean;
  readonly pausedUntilMs: number;
  /** When it was last started, killed, paused or cut off, or will be no more. */
  readonly disturbedAtMs: number;
}

/** Looks on. Whoever checks throws, whoever measures counts, and nobody changes anything. */
export interface SimulationObserver {
  started?(member: SimulatedMember): void;
  /** It left or died. */
  ended?(member: SimulatedMember): void;
  /** Called after every input that a member took: the place for checks that hold at every step. */
  stepped?(member: SimulatedMember, input: Input, effects: readonly Effect[]): void;
  sent?(member: SimulatedMember, frame: Frame): void;
}
