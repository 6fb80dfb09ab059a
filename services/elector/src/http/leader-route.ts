/**
 * `GET /leader`: 200 while this elector leads, else 503, which is what load balancers and probes look at
 * (HAProxy's `httpchk`, a readiness probe of Kubernetes). Decides which election is meant, and that who
 * asks the wrong one is told who leads.
 */
import { parseElectionName } from '@herald/core';
import type { NodeId } from '@herald/core';
import {
  addApiRoute,
  invalidRequest,
  leaderFacts,
  nothing,
  parsedBy,
  sendProblem,
} from '@herald/process';
import type { HttpReply, HttpRoutes } from '@herald/process';
import { z } from 'zod';
import type { Candidacy } from '../candidacy.ts';
import { retryAfterMs } from '../retry-after.ts';
import type { Tier } from '../tier.ts';

/** What the route looks at; an `Elector` is one. */
export interface AskedElector {
  readonly id: NodeId;
  readonly elections: readonly AskedCandidacy[];
  readonly member: Pick<Tier, 'answer'>;
}

export type AskedCandidacy = Pick<
  Candidacy,
  'election' | 'currentLeadership' | 'profile' | 'state'
>;

const leadingSchema = z.object({
  election: z.string(),
  electorId: z.string(),
  lineage: z.int().min(0),
  epoch: z
    .string()
    .regex(/^[0-9]{1,19}$/)
    .describe('The fencing token, in decimal'),
  leadingForMs: z
    .int()
    .min(0)
    .describe('How long its own deadline lets it lead without another renewal'),
});

const query = z.object({
  election: parsedBy(parseElectionName)
    .optional()
    .describe('Needed where the elector takes part in several'),
});

export function addLeaderRoute(routes: HttpRoutes, elector: AskedElector): void {
  addApiRoute(routes, {
    path: '/leader',
    summary: 'Whether this elector leads at this moment',
    params: nothing,
    query,
    answers: {
      200: { description: 'It leads, by its own deadline', schema: leadingSchema },
      ...invalidRequest,
      404: { description: 'It takes no part in this election' },
      503: {
        description: 'It does not lead; known is the leader it knows of',
        headers: { 'retry-after': 'In seconds' },
      },
    },
    handle: ({ query: { election } }, reply) => {
      const { elections } = elector;
      const [first, ...others] = elections;
      if (election === undefined && others.length > 0) {
        const names = elections.map((each) => each.election).join(', ');
        return sendProblem(reply, 400, 'invalid-request', `election: must be one of ${names}`);
      }
      const asked =
        election === undefined ? first : elections.find((each) => each.election === election);
      if (asked === undefined) {
        const detail = `this elector takes no part in election ${election ?? ''}`;
        return sendProblem(reply, 404, 'unknown-election', detail);
      }
      return answer(reply, elector, asked);
    },
  });
}

function answer(reply: HttpReply, elector: AskedElector, candidacy: AskedCandidacy): HttpReply {
  const { election } = candidacy;
  const leadership = candidacy.currentLeadership();
  if (leadership === undefined) return refuse(reply, elector, candidacy);
  return reply.header('cache-control', 'no-store').send({
    ...{ election, electorId: elector.id, lineage: leadership.lineage },
    epoch: leadership.epoch.toString(),
    leadingForMs: Math.floor(leadership.leadingForMs()),
  });
}

function refuse(reply: HttpReply, elector: AskedElector, candidacy: AskedCandidacy): HttpReply {
  const { election, profile, state } = candidacy;
  const best = elector.member.answer(election);
  const waitMs = retryAfterMs(best, { id: elector.id, ttlMs: profile.ttlSeconds * 1_000 });
  const { carried, status, validForMs } = best;
  const known =
    carried === undefined || status === 'unknown'
      ? {}
      : { known: leaderFacts({ ...carried, record: carried.sealed.record, status, validForMs }) };
  // The header counts in seconds, and 0 would be an invitation to ask in a circle.
  reply.header('retry-after', String(Math.max(1, Math.ceil(waitMs / 1_000))));
  const detail = `this elector does not lead ${election}: it is ${state}`;
  return sendProblem(reply, 503, 'not-leading', detail, { election, state, ...known });
}
