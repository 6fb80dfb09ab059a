/**
 * Who leads, over HTTP. Decides what becomes of an answer that is not a current leader: everything that a
 * caller must not act on is an error for those who look at the status alone, with what is known beside it.
 */
import type { ElectionName } from '@herald/core';
import {
  addApiRoute,
  cacheHeaders,
  invalidRequest,
  leaderFacts,
  leaderFactsSchema,
  matchesTag,
  nothing,
  sendProblem,
  versionText,
} from '@herald/process';
import type { HttpReply, HttpRoutes, KnownLeader, ProblemKind } from '@herald/process';
import type { AnsweringMember } from '@herald/member';
import type { LeaderAnswer } from '@herald/wire';
import { z } from 'zod';
import { electionPath, sendUnknownElection } from './parameters.ts';
import { redirectTarget } from './redirect-target.ts';

/** The least that the header can say. A change takes milliseconds to arrive, a failover seconds. */
const retryAfterSeconds = '1';

export interface LeaderSource extends Pick<AnsweringMember, 'answer'> {
  elections(): readonly ElectionName[];
}

const leaderQuery = z.strictObject({
  redirect: z
    .enum(['', 'http', 'https'])
    .optional()
    .describe('Answer 307 to the leader, by this scheme where its address is host:port'),
  minVersion: versionText
    .optional()
    .describe('The newest version that the caller knows, lineage.epoch.sequence.renewal'),
});

export function addLeaderRoutes(routes: HttpRoutes, member: LeaderSource): void {
  addApiRoute(routes, {
    path: '/v1/elections',
    summary: 'Every election that this node has heard of, and who leads it',
    params: nothing,
    query: z.strictObject({}),
    answers: {
      200: {
        description: 'Also elections that nobody leads at present',
        schema: z.object({ elections: z.array(leaderFactsSchema) }),
      },
      ...invalidRequest,
    },
    handle: (_asked, reply) => {
      const known = member.elections().map((election) => knownFrom(member.answer(election)));
      const elections = known.filter((each) => each !== undefined).map(leaderFacts);
      return reply.header('cache-control', 'no-store').send({ elections });
    },
  });
  addApiRoute(routes, {
    path: '/v1/elections/:election/leader',
    summary: 'Who leads an election',
    params: electionPath,
    query: leaderQuery,
    answers: {
      200: {
        description: 'A leader whose lease can still live',
        schema: leaderFactsSchema,
        headers: {
          'cache-control': 'max-age is the validity that the issuer stated',
          age: 'How long ago the record was issued, in seconds',
          etag: 'Its version',
        },
      },
      304: { description: 'If-None-Match names this version', schema: null },
      307: { description: 'To the leader, when asked to redirect', schema: null },
      ...invalidRequest,
      404: { description: 'Nobody has heard of this election' },
      409: { description: "The leader's address is no place to redirect to" },
      503: {
        description: 'Nobody leads, the claim has expired, or this node is behind its caller',
        headers: { 'retry-after': 'In seconds' },
      },
    },
    handle: ({ params, query }, reply, request) => {
      const answer = member.answer(params.election, query.minVersion);
      const known = knownFrom(answer);
      if (answer.behind) return sendUnusable(reply, 'behind', params.election, answer, known);
      if (known === undefined) return sendUnknownElection(reply, params.election);
      if (known.status !== 'current') {
        return sendUnusable(reply, known.status, params.election, answer, known);
      }
      if (query.redirect !== undefined) return redirect(reply, known, query.redirect);
      const headers = cacheHeaders(known);
      const isKnown = matchesTag(request.headers['if-none-match'], headers['etag'] ?? '');
      reply.headers(headers);
      return isKnown ? reply.code(304).send() : reply.send(leaderFacts(known));
    },
  });
}

export function knownFrom(answer: LeaderAnswer): KnownLeader | undefined {
  const { carried, status, validForMs } = answer;
  if (carried === undefined || status === 'unknown') return undefined;
  const { sealed, ageMs, hops } = carried;
  return { record: sealed.record, status, ageMs, validForMs, hops };
}

const explanations = {
  behind: 'this node holds an older version than its caller knows; it is asking others now',
  expired: 'the leader has not renewed its lease for too long to be believed',
  vacant: 'nobody leads; a successor is being elected',
} as const satisfies Partial<Record<ProblemKind, string>>;

function sendUnusable(
  reply: HttpReply,
  kind: keyof typeof explanations,
  election: ElectionName,
  answer: LeaderAnswer,
  known: KnownLeader | undefined,
): HttpReply {
  reply.header('retry-after', retryAfterSeconds);
  return sendProblem(reply, 503, kind, explanations[kind], {
    election,
    ...(known === undefined ? {} : { known: leaderFacts(known) }),
    ...(answer.ask.length === 0 ? {} : { ask: answer.ask }),
  });
}

/** Never stored: who leads next week is somebody else. */
function redirect(reply: HttpReply, known: KnownLeader, scheme: '' | 'http' | 'https'): HttpReply {
  const address = known.record.kind === 'leader' ? known.record.leader.address : '';
  const target = redirectTarget(address, scheme === '' ? 'http' : scheme);
  if (target === undefined) {
    const detail = "the leader's address is neither host:port nor an http or https URL";
    return sendProblem(reply, 409, 'no-redirect', detail, { known: leaderFacts(known) });
  }
  return reply.code(307).headers({ location: target, 'cache-control': 'no-store' }).send();
}
