/**
 * The questions that any member answers: who leads, tell me when that changes, who are the members.
 * Every member can serve them, electors as well as gossip nodes. Decides how many streams there may
 * be, and that a slow watch holds at most one answer back: what it missed is overtaken, not queued.
 */
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { ElectionName, Version } from '@herald/core';
import { toServiceError } from '@herald/wire';
import type {
  ConvergenceAnswer,
  LeaderAnswer,
  MemberList,
  NodeHandlers,
  WatchLeaderRequest,
} from '@herald/wire';
import { starting, stopping, tooMany } from './refusals.ts';
import { serveLookups } from './serve-lookups.ts';

/** What answers; a `Member` does. */
export interface AnsweringMember {
  answer(election: ElectionName, minVersion?: Version): LeaderAnswer;
  watch(
    election: ElectionName,
    options: { readonly signal: AbortSignal; readonly includeRenewals: boolean },
  ): AsyncIterable<LeaderAnswer>;
  members(): MemberList;
  convergence(election: ElectionName): ConvergenceAnswer;
  /**
   * Calls `listener` once, when the member begins to stop; at once if it has.
   *
   * @returns Stops listening.
   */
  onClosing(listener: () => void): () => void;
}

/**
 * Watches served at the same time, unless the caller says otherwise. Each costs a few kilobytes and,
 * with renewals, one frame per third of a lease; 4 096 of them keep about half a core busy.
 */
export const nodeWatchesMax = 4_096;

/**
 * Streams of lookups served at the same time, unless the caller says otherwise; callers beyond that
 * ask by unary calls. One that is idle costs some ten kilobytes.
 */
export const nodeLookupStreamsMax = 4_096;

/**
 * How long a stream of lookups may be idle. Clients end theirs much sooner; this frees the place of
 * one whose machine is gone without a word.
 */
export const nodeLookupIdleMs = 60_000;

export interface NodeServiceOptions {
  readonly watchesMax?: number;
  readonly lookupStreamsMax?: number;
  readonly lookupIdleMs?: number;
}

type WatchCall = ServerWritableStream<WatchLeaderRequest, LeaderAnswer>;

/**
 * Handlers for `addNodeService`. Services are added before the member of the same server exists, so
 * that it is asked for at each call; until then calls are answered with UNAVAILABLE.
 */
export function nodeServiceHandlers(
  member: () => AnsweringMember | undefined,
  options: NodeServiceOptions = {},
): NodeHandlers {
  const {
    watchesMax = nodeWatchesMax,
    lookupStreamsMax = nodeLookupStreamsMax,
    lookupIdleMs = nodeLookupIdleMs,
  } = options;
  let watches = 0;
  let lookupStreams = 0;
  return {
    getLeader: (call, callback) => {
      const { election, minVersion } = call.request;
      const answering = member();
      if (answering === undefined) callback(starting);
      else callback(null, answering.answer(election, minVersion));
    },
    lookup: (call) => {
      const answering = member();
      if (answering === undefined) {
        call.emit('error', starting);
      } else if (lookupStreams >= lookupStreamsMax) {
        call.emit('error', tooMany('streams of lookups', lookupStreamsMax));
      } else {
        lookupStreams++;
        call.once('cancelled', () => lookupStreams--);
        serveLookups(answering, call, lookupIdleMs);
      }
    },
    watchLeader: (call) => {
      const answering = member();
      if (answering === undefined) {
        call.emit('error', starting);
      } else if (watches >= watchesMax) {
        call.emit('error', tooMany('watches', watchesMax));
      } else {
        watches++;
        void serveWatch(answering, call).finally(() => watches--);
      }
    },
    listMembers: (_call, callback) => {
      const answering = member();
      if (answering === undefined) callback(starting);
      else callback(null, answering.members());
    },
    convergence: (call, callback) => {
      const answering = member();
      if (answering === undefined) callback(starting);
      else callback(null, answering.convergence(call.request.election));
    },
  };
}

/** Serves one watch to its end. Never rejects: a failure is told to the caller. */
async function serveWatch(member: AnsweringMember, call: WatchCall): Promise<void> {
  const { election, includeRenewals, minVersion } = call.request;
  const ended = new AbortController();
  const { signal } = ended;
  // grpc-js emits this at every end of a call, whoever ended it.
  call.on('cancelled', () => {
    ended.abort();
  });
  if (call.cancelled) return;
  try {
    let isBehind = minVersion !== undefined;
    for await (const answer of member.watch(election, { signal, includeRenewals })) {
      // Until we have caught up with the caller, each answer says so, and whom to ask instead.
      const said = isBehind ? member.answer(election, minVersion) : answer;
      isBehind = said.behind;
      await written(call, said, signal);
      if (signal.aborted) return;
    }
    if (!signal.aborted) call.emit('error', stopping);
  } catch (error) {
    call.emit('error', toServiceError(error));
  }
}

/** Resolves when the answer has left for the network, however slowly it is read, or the call ended. */
function written(call: WatchCall, answer: LeaderAnswer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done, { once: true });
    call.write(answer, done);
  });
}
