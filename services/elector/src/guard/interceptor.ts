/**
 * The guard as an interceptor of a grpc-js server. Decides when a call is looked at, and what becomes of
 * those that run when the leadership ends:
 *
 * - Before the handler runs the call is refused with NOT_LEADER, and its caller may safely send it to
 *   another server. A call with one request is looked at twice, as it arrives and once more when its
 *   request is complete, since a slow sender may take longer than a leadership.
 * - Once the handler runs, NOT_LEADER is never said: what the call did cannot be known here.
 * - A call that answers with one message goes on to its end. Its handler has the leadership's signal, and
 *   what it writes is fenced.
 * - A call that answers with a stream would go on as if nothing had happened, so it is ended with ABORTED.
 */
import { ServerInterceptingCall, ServerListenerBuilder, status } from '@grpc/grpc-js';
import type { ServerInterceptingCallInterface, ServerInterceptor } from '@grpc/grpc-js';
import { notLeaderStatus, readCaller } from '@herald/wire';
import type { Caller, NotLeader } from '@herald/wire';
import type { Leadership } from '../campaign/leadership.ts';

export interface GuardInterceptorOptions {
  /**
   * Which methods it stands before, by their paths, e.g. `/shop.Tickets/Draw`. Unless given all but the
   * standard health and reflection services, which speak for every server, leading or not.
   */
  readonly guards?: (path: string) => boolean;
  /** Whether streams of answers end with the leadership that they began under; true unless given. */
  readonly endStreams?: boolean;
}

/** What the interceptor asks; a `LeaderGuard` answers. */
export interface Doorkeeper {
  readonly election: string;
  check(caller?: Caller): NotLeader | undefined;
  leadership(): Leadership | undefined;
}

const speaksForEveryServer = /^\/grpc\.(health|reflection)\./;

export function guardInterceptor(
  door: Doorkeeper,
  { guards = isGuarded, endStreams = true }: GuardInterceptorOptions,
): ServerInterceptor {
  const streams = new RunningStreams();
  return ({ path, requestStream, responseStream }, call) => {
    if (!guards(path)) return new ServerInterceptingCall(call);
    let caller: Caller | undefined;
    let forget = (): void => undefined;
    const refused = (): boolean => {
      const refusal = door.check(caller);
      if (refusal !== undefined) call.sendStatus(notLeaderStatus(refusal));
      return refusal !== undefined;
    };
    /** The last look before the handler runs; what it begins is ended with this very leadership. */
    const begins = (): boolean => {
      const leadership = responseStream && endStreams ? door.leadership() : undefined;
      if (refused()) return false;
      if (leadership !== undefined) forget = streams.add(leadership, door.election, call);
      return true;
    };
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        caller = readCaller(metadata);
        if (requestStream ? begins() : !refused()) next(metadata);
      })
      .withOnReceiveHalfClose((next) => {
        if (requestStream || begins()) next();
      })
      .withOnCancel(() => {
        forget();
      })
      .build();
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next(listener);
      },
      sendStatus: (ending, next) => {
        forget();
        next(ending);
      },
    });
  };
}

function isGuarded(path: string): boolean {
  return !speaksForEveryServer.test(path);
}

/**
 * The streams that end with each leadership. One listener for all of them: an AbortSignal with a
 * listener per stream would be a leak in the eyes of Node.
 */
class RunningStreams {
  readonly #endings = new Map<AbortSignal, Set<() => void>>();

  /** @returns forgets the stream, when it has ended by itself. */
  add(
    { epoch, signal }: Leadership,
    election: string,
    call: ServerInterceptingCallInterface,
  ): () => void {
    const details = `the leadership of ${election} at epoch ${epoch} ended while this call ran`;
    const end = (): void => {
      call.sendStatus({ code: status.ABORTED, details });
    };
    const endings = this.#endings.get(signal) ?? this.#listen(signal);
    endings.add(end);
    return () => {
      endings.delete(end);
    };
  }

  #listen(signal: AbortSignal): Set<() => void> {
    const endings = new Set<() => void>();
    this.#endings.set(signal, endings);
    const endAll = (): void => {
      this.#endings.delete(signal);
      for (const end of endings) end();
    };
    signal.addEventListener('abort', endAll, { once: true });
    return endings;
  }
}
