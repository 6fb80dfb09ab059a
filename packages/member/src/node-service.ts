/**
 * The questions that any member answers: who leads, tell me when that changes, who are the members.
 * Every member can serve them, electors as well as gossip nodes. Decides how many watches there may
 * be, and that a slow one holds at most one answer back: what it missed is overtaken, not queued.
 */
import { status } from '@grpc/grpc-js';
import type { ServerErrorResponse, ServerWritableStream } from '@grpc/grpc-js';
import type { ElectionName, Version } from '@herald/core';
import { toServiceError } from '@herald/wire';
import type {
  ConvergenceAnswer,
  LeaderAnswer,
  MemberList,
  NodeHandlers,
  WatchLeaderRequest,
} from '@herald/wire';

/** What answers; a `Member` does. */
export interface AnsweringMember {
  answer(election: ElectionName, minVersion?: Version): LeaderAnswer;
  watch(
    election: ElectionName,
    options: { readonly signal: AbortSignal; readonly includeRenewals: boolean },
  ): AsyncIterable<LeaderAnswer>;
  members(): MemberList;
  convergence(election: ElectionName): ConvergenceAnswer;
}

/**
 * Watches served at the same time, unless the caller says otherwise. Each costs a few kilobytes and,
 * with renewals, one frame per third of a lease; 4 096 of them keep about half a core busy.
 */
export const nodeWatchesMax = 4_096;

export interface NodeServiceOptions {
  readonly watchesMax?: number;
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
  const { watchesMax = nodeWatchesMax } = options;
  let watches = 0;
  return {
    getLeader: (call, callback) => {
      const { election, minVersion } = call.request;
      const answering = member();
      if (answering === undefined) callback(starting);
      else callback(null, answering.answer(election, minVersion));
    },
    watchLeader: (call) => {
      const answering = member();
      if (answering === undefined) {
        call.emit('error', starting);
      } else if (watches >= watchesMax) {
        call.emit('error', tooManyWatches(watchesMax));
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

const starting: ServerErrorResponse = Object.assign(new Error('this member is starting'), {
  code: status.UNAVAILABLE,
  details: 'this member is starting',
});

const stopping: ServerErrorResponse = Object.assign(new Error('this member is stopping'), {
  code: status.UNAVAILABLE,
  details: 'this member is stopping',
});

function tooManyWatches(watchesMax: number): ServerErrorResponse {
  const details = `this member serves ${String(watchesMax)} watches already; ask another one`;
  return Object.assign(new Error(details), { code: status.RESOURCE_EXHAUSTED, details });
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
