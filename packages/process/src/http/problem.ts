/**
 * Errors over HTTP are problem details (RFC 9457). Decides which problems there are: a program switches
 * over `type`, and what it may want to know stands beside it.
 */
import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';

/**
 * - `invalid-request`: a name or parameter breaks a rule, which `detail` states.
 * - `unknown-election`: nobody here has heard of it.
 * - `vacant`, `expired`: nobody leads, or the leader's claim can no longer be believed.
 * - `behind`: the caller knows a newer version than this process.
 * - `not-leading`: this elector does not lead.
 * - `no-redirect`: the leader's address is no place that HTTP could be sent to.
 * - `too-many-watches`: a bound is reached; another member serves as well.
 */
export type ProblemKind =
  | 'invalid-request'
  | 'unknown-election'
  | 'vacant'
  | 'expired'
  | 'behind'
  | 'not-leading'
  | 'no-redirect'
  | 'too-many-watches';

export const problemSchema = z
  .looseObject({
    type: z.string().describe('urn:herald:problem:…, or about:blank when the status says it all'),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string().describe('For people: what happened, and what to do'),
  })
  .describe('Problem details as of RFC 9457');

export const problemContentType = 'application/problem+json';

/** `facts` are added to the problem. A problem is true of this moment, so that nobody stores it. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  kind: ProblemKind | undefined,
  detail: string,
  facts: Readonly<Record<string, unknown>> = {},
): FastifyReply {
  const type = kind === undefined ? 'about:blank' : `urn:herald:problem:${kind}`;
  const title = kind === undefined ? (STATUS_CODES[status] ?? 'Error') : titleOf(kind);
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type(problemContentType)
    .send(JSON.stringify({ type, title, status, detail, ...facts }));
}

function titleOf(kind: ProblemKind): string {
  const words = kind.replaceAll('-', ' ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
