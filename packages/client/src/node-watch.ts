/**
 * One watch to one node, from its opening to its end. Decides for how long the node has the client's
 * patience: until its first answer, until the leader it named has expired, and for a while when it
 * names none.
 *
 *   opening ──current leader──► useful ◄──current leader── without leader
 *      └──────any other answer────┴──────any other answer──────►┘
 */
import { validForMs } from '@herald/core';
import type { Address } from '@herald/core';
import type { LeaderAnswer } from '@herald/wire';
import type { CancelTimer } from './clock.ts';
import { knowsLess, transitMs } from './known-record.ts';
import { abort, newAbort, onAbort } from './on-abort.ts';
import type { ClientParts } from './parts.ts';
import { objectionTo } from './targets.ts';
import { watchTuning } from './tuning.ts';

type Phase = 'opening' | 'useful' | 'without-leader';

const giveUpReasons: Readonly<Record<Phase, string>> = {
  opening: 'did not answer',
  useful: 'fell silent',
  'without-leader': 'named no current leader',
};

export interface WatchStanding {
  /** It names a current leader. */
  readonly isUseful: boolean;
  /** It knows of the election, and not less than the client. */
  readonly isInformed: boolean;
}

export class NodeWatch {
  readonly #parts: ClientParts;
  readonly #endpoint: Address;
  readonly #onAnswer: (standing: WatchStanding) => void;
  readonly #leaving = newAbort();
  readonly #openedAtMs: number;
  #phase: Phase = 'opening';
  #cancelPatience: CancelTimer;
  #trouble = 'the watch ended';

  /** @param onAnswer Told at each answer what the node is good for. */
  constructor(parts: ClientParts, endpoint: Address, onAnswer: (standing: WatchStanding) => void) {
    this.#parts = parts;
    this.#endpoint = endpoint;
    this.#onAnswer = onAnswer;
    this.#openedAtMs = parts.clock.nowMs();
    this.#cancelPatience = this.#patience(watchTuning.firstAnswerTimeoutMs);
  }

  /** Resolves when the watch is over, with the reason for people. */
  async run(unwanted: AbortSignal): Promise<string> {
    const { clock, counters, election, endpoints, keeper, transport } = this.#parts;
    const { signal } = this.#leaving;
    const stopListening = onAbort(unwanted, () => {
      abort(this.#leaving);
    });
    counters.watches++;
    const known = keeper.known?.sealed.record.version;
    const minVersion = known && { ...known, renewal: 0 };
    try {
      const request = { election, minVersion, includeRenewals: true };
      for await (const answer of transport.watch(this.#endpoint, request, { signal })) {
        if (!signal.aborted) this.#take(answer);
      }
    } catch (error) {
      if (!signal.aborted) this.#trouble = error instanceof Error ? error.message : String(error);
    }
    this.#cancelPatience();
    stopListening();
    const isDisappointing = this.#phase === 'opening' && !unwanted.aborted;
    if (isDisappointing) endpoints.failed(this.#endpoint, clock.nowMs());
    return this.#trouble;
  }

  #take(answer: LeaderAnswer): void {
    const { clock, endpoints, keeper, targets } = this.#parts;
    const { carried } = answer;
    const receivedAtMs = clock.nowMs();
    const objection = carried && objectionTo(carried.sealed.record, this.#parts);
    if (objection !== undefined) {
      endpoints.failed(this.#endpoint, receivedAtMs);
      this.#leave(objection);
      return;
    }
    // A pushed answer has no round trip of its own; the opening has one, which is never shorter.
    if (this.#phase === 'opening' && endpoints.roundTripMs(this.#endpoint) === 0) {
      endpoints.answered(this.#endpoint, receivedAtMs - this.#openedAtMs);
    }
    if (answer.behind) {
      const hints = answer.ask.filter((address) => targets.mayAsk(address));
      endpoints.learn(hints, receivedAtMs);
    }
    const isBehind = answer.behind || knowsLess(carried, keeper.known);
    const isUseful = answer.status === 'current' && !isBehind;
    this.#onAnswer({ isUseful, isInformed: !isBehind && answer.status !== 'unknown' });
    if (carried !== undefined) {
      const usualMs = endpoints.roundTripMs(this.#endpoint);
      const source = { endpoint: this.#endpoint, nodeId: answer.nodeId, via: 'watch' } as const;
      keeper.observe({ carried, receivedAtMs, transitMs: transitMs(usualMs, usualMs), source });
    }
    this.#enter(isUseful ? 'useful' : 'without-leader');
  }

  #enter(phase: Phase): void {
    const { clock, keeper } = this.#parts;
    const wasWithoutLeader = this.#phase === 'without-leader';
    this.#phase = phase;
    // Further answers without a leader do not renew the patience.
    if (phase === 'without-leader' && wasWithoutLeader) return;
    const { known } = keeper;
    const validMs = known === undefined ? 0 : validForMs(known, clock.nowMs());
    this.#cancelPatience();
    this.#cancelPatience = this.#patience(
      watchTuning.withoutLeaderMs + (phase === 'useful' ? validMs : 0),
    );
  }

  #patience(delayMs: number): CancelTimer {
    return this.#parts.clock.startTimer(delayMs, () => {
      this.#leave(giveUpReasons[this.#phase]);
    });
  }

  #leave(trouble: string): void {
    this.#trouble = trouble;
    abort(this.#leaving);
  }
}
