/**
 * Changes of leader as server-sent events. Decides what a reader is shown: the present state at once,
 * then each change and each expiry, the newest wins; never a version older than the one it has seen.
 */
import { formatVersion, isNewer } from '@herald/core';
import type { ElectionName, Version } from '@herald/core';
import {
  addApiRoute,
  EventStreams,
  invalidRequest,
  leaderFacts,
  leaderFactsSchema,
  parseVersion,
  sendProblem,
} from '@herald/process';
import type { HttpRoutes, ServerEvent } from '@herald/process';
import type { AnsweringMember } from '@herald/member';
import { z } from 'zod';
import { knownFrom } from './leader-routes.ts';
import { electionPath, flag } from './parameters.ts';

const eventStream = z
  .string()
  .describe(
    'Events whose id is a version and whose data is JSON: ' +
      `${JSON.stringify(Object.keys(leaderFactsSchema.shape))}, or election and the status unknown`,
  );

export function addWatchRoute(
  routes: HttpRoutes,
  member: Pick<AnsweringMember, 'answer' | 'watch'>,
  streams: EventStreams = new EventStreams(),
): void {
  // Before connections are closed, so that readers see an end and not a reset.
  routes.addHook('preClose', () => streams.close());
  addApiRoute(routes, {
    path: '/v1/elections/:election/watch',
    summary: 'Tells each change of leader, as server-sent events',
    params: electionPath,
    query: z.strictObject({ renewals: flag.describe('Also tell each renewal of the lease') }),
    answers: {
      200: {
        description: 'Until the reader goes or the node ends; Last-Event-ID is honoured',
        schema: eventStream,
        contentType: 'text/event-stream',
      },
      ...invalidRequest,
      503: { description: 'This node serves as many watches as it may; ask another' },
    },
    handle: ({ params, query }, reply, request) => {
      if (request.method === 'HEAD') return reply.type('text/event-stream; charset=utf-8').send();
      if (streams.isFull) {
        reply.header('retry-after', '1');
        return sendProblem(reply, 503, 'too-many-watches', 'ask another member of the tier');
      }
      const seen = versionOf(request.headers['last-event-id']);
      streams.serve(reply, (signal) =>
        eventsOf(member, params.election, seen, {
          signal,
          includeRenewals: query.renewals ?? false,
        }),
      );
      return reply;
    },
  });
}

/** An id that is none of ours is like none: the reader is told everything. */
function versionOf(lastEventId: string | string[] | undefined): Version | undefined {
  if (typeof lastEventId !== 'string') return undefined;
  try {
    return parseVersion(lastEventId);
  } catch {
    return undefined;
  }
}

/**
 * Nothing is told of versions that are older than the one seen; to ask with it makes a member that is
 * behind catch up. The very version that was seen is told again, since it may have expired meanwhile.
 */
async function* eventsOf(
  member: Pick<AnsweringMember, 'answer' | 'watch'>,
  election: ElectionName,
  seen: Version | undefined,
  options: { readonly signal: AbortSignal; readonly includeRenewals: boolean },
): AsyncGenerator<ServerEvent, void, undefined> {
  if (seen !== undefined) member.answer(election, seen);
  for await (const answer of member.watch(election, options)) {
    const known = knownFrom(answer);
    if (known === undefined) {
      if (seen === undefined) yield { data: { election, status: 'unknown' } };
      continue;
    }
    const { version } = known.record;
    if (seen !== undefined && isNewer(seen, version)) continue;
    yield { id: formatVersion(version), data: leaderFacts(known) };
  }
}
