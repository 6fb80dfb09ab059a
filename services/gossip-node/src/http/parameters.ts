/** What the routes of a node take in paths and queries, and what they answer to what they do not know. */
import { parseElectionName } from '@herald/core';
import type { ElectionName } from '@herald/core';
import { parsedBy, sendProblem } from '@herald/process';
import type { HttpReply } from '@herald/process';
import { z } from 'zod';

export const electionPath = z.object({ election: parsedBy(parseElectionName) });

/** `?name` and `?name=true` mean the same; anything else is a mistake that is told. */
export const flag = z
  .enum(['', 'true'])
  .transform(() => true)
  .optional();

export function sendUnknownElection(reply: HttpReply, election: ElectionName): HttpReply {
  const detail = `no member that this one heard of knows election ${election}`;
  return sendProblem(reply, 404, 'unknown-election', detail);
}
