/**
 * What a program can be told of the inner life of its client, for metrics and traces. Nothing is decided
 * here, and nothing is paid for what is not listened to.
 */
import type { ElectionName } from '@herald/core';
import type { Attempt } from './attempts.ts';
import type { LeaderResult, LeaderUpdate } from './results.ts';

/** A call that waits for somebody. What is answered from the cache is counted in `stats()` only. */
export interface CallStart {
  readonly what: 'getLeader' | 'withLeader' | 'listMembers' | 'convergence';
  readonly election: ElectionName;
}

export interface CallEnd {
  readonly durationMs: number;
  /** What the call rejects with; `undefined` when it succeeded. Mostly a `HeraldClientError`. */
  readonly error: unknown;
  /** The leader that was found, or at which the work was done; `undefined` where there is none. */
  readonly leader: LeaderResult | undefined;
  /** The newest attempts of the call, oldest first. */
  readonly attempts: readonly Attempt[];
  readonly redirects: number;
  readonly retries: number;
}

/** Follows one call. */
export interface CallObserver {
  readonly onEnd?: (end: CallEnd) => void;
  /** Runs the work of `withLeader`, each time it is run: to put it into the context of a span. */
  readonly aroundWork?: <T>(leader: LeaderResult, work: () => T) => T;
}

/**
 * Functions that are called as things happen, in the turn in which they happen: they must be quick. What
 * one throws harms no call; it becomes an uncaught exception, as that of an event listener does.
 */
export interface ClientHooks {
  readonly onCall?: (start: CallStart) => CallObserver | undefined;
  /** One question to one endpoint, or one run of the work, has ended; shared ones are told once. */
  readonly onAttempt?: (attempt: Attempt) => void;
  /** Another change became known: a leader or a vacancy. Renewals are not told. */
  readonly onChange?: (update: LeaderUpdate) => void;
}

/** `hook`, made harmless. */
export function harmless<Event>(
  hook: ((event: Event) => void) | undefined,
): ((event: Event) => void) | undefined {
  if (hook === undefined) return undefined;
  return (event) => {
    try {
      hook(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}

/** The hooks of a client, made harmless once. */
export function harmlessHooks(hooks: ClientHooks = {}): ClientHooks {
  const { onAttempt, onCall, onChange } = hooks;
  return {
    ...(onCall === undefined ? {} : { onCall: observed(onCall) }),
    ...optional('onAttempt', harmless(onAttempt)),
    ...optional('onChange', harmless(onChange)),
  };
}

function observed(onCall: NonNullable<ClientHooks['onCall']>): NonNullable<ClientHooks['onCall']> {
  return (start) => {
    let observer: CallObserver | undefined;
    harmless<CallStart>((event) => {
      observer = onCall(event);
    })?.(start);
    if (observer === undefined) return undefined;
    return { ...observer, ...optional('onEnd', harmless(observer.onEnd)) };
  };
}

function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [key in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [key in Key]: Value });
}
