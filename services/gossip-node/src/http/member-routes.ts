/**
 * Who is in the tier and how far a change has come, over HTTP: the facts of ListMembers and Convergence.
 * Decides which filters there are, and how much one answer holds.
 */
import type { MemberInfo, ConvergenceAnswer } from '@herald/wire';
import { addApiRoute, invalidRequest, nothing, versionFacts, versionSchema } from '@herald/process';
import type { HttpRoutes } from '@herald/process';
import type { AnsweringMember } from '@herald/member';
import { limits } from '@herald/core';
import { z } from 'zod';
import { electionPath, sendUnknownElection } from './parameters.ts';

/** Some 500 kB. Who wants all of a large tier says so. */
const membersDefault = 1_000;

const statuses = ['joining', 'up', 'leaving', 'left'] as const;
const reachabilities = ['reachable', 'unreachable'] as const;
const roles = ['node', 'elector'] as const;

const memberSchema = z.object({
  nodeId: z.string(),
  generation: z.int().min(0),
  address: z.string(),
  role: z.enum(roles),
  self: z.boolean().describe('It is the member that answers'),
  linked: z.boolean().describe('The member that answers holds a link to it'),
  roundTripMs: z.number().min(0).describe('0 when not linked or not measured'),
  facts: z
    .object({
      status: z.enum(statuses),
      reachability: z.enum(reachabilities),
      suspectedBy: z.int().min(0).describe('Live members that find it unreachable'),
      sinceMs: z.int().min(0).describe('How long it has been reachable, unreachable or gone'),
      zone: z.string(),
      build: z.string(),
      metadata: z.record(z.string(), z.string()),
      applied: z.array(z.object({ election: z.string(), version: versionSchema })),
    })
    .optional()
    .describe('What it says of itself; absent for one that was merely heard of'),
});

const membersQuery = z.strictObject({
  status: z.enum(statuses).optional(),
  reachability: z.enum(reachabilities).optional(),
  role: z.enum(roles).optional(),
  zone: z.string().optional(),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(limits.membersMax)
    .default(membersDefault)
    .describe('How many are listed at most; total says how many there are'),
});
type MembersQuery = z.output<typeof membersQuery>;

const convergenceSchema = z.object({
  election: z.string(),
  newest: versionSchema,
  applied: z.int().min(0).describe('Live members that have applied it'),
  live: z.int().min(1),
  behind: z
    .array(z.object({ nodeId: z.string(), applied: versionSchema.optional() }))
    .describe(`The farthest behind first, at most ${limits.behindMax}`),
  nodeId: z.string().describe('Who answers'),
});

export function addMemberRoutes(
  routes: HttpRoutes,
  member: Pick<AnsweringMember, 'members' | 'convergence'>,
): void {
  addApiRoute(routes, {
    path: '/v1/members',
    summary: 'Who is in the tier, as far as this node knows',
    params: nothing,
    query: membersQuery,
    answers: {
      200: {
        description: 'This node first',
        schema: z.object({
          cluster: z.string(),
          total: z.int().min(0).describe('Members that the filters let through'),
          members: z.array(memberSchema),
        }),
      },
      ...invalidRequest,
    },
    handle: ({ query }, reply) => {
      const { cluster, members } = member.members();
      const chosen = members.filter((info) => isChosen(info, query));
      return reply.header('cache-control', 'no-store').send({
        cluster,
        total: chosen.length,
        members: chosen.slice(0, query.limit).map(memberFacts),
      });
    },
  });
  addApiRoute(routes, {
    path: '/v1/elections/:election/convergence',
    summary: 'How many live members have applied the newest change, as far as this node knows',
    params: electionPath,
    query: z.strictObject({}),
    answers: {
      200: { description: 'Members tell it with some delay', schema: convergenceSchema },
      ...invalidRequest,
      404: { description: 'Nobody has heard of this election' },
    },
    handle: ({ params }, reply) => {
      const answer = member.convergence(params.election);
      const facts = convergenceFacts(answer);
      if (facts === undefined) return sendUnknownElection(reply, params.election);
      return reply.header('cache-control', 'no-store').send(facts);
    },
  });
}

/** A filter for what somebody says of itself passes over those who said nothing. */
function isChosen({ contact, facts }: MemberInfo, query: MembersQuery): boolean {
  const { status, reachability, role, zone } = query;
  return (
    (role === undefined || contact.role === role) &&
    (status === undefined || facts?.status === status) &&
    (reachability === undefined || facts?.reachability === reachability) &&
    (zone === undefined || facts?.zone === zone)
  );
}

function memberFacts(info: MemberInfo): z.output<typeof memberSchema> {
  const { contact, self, linked, roundTripMs, facts } = info;
  const { nodeId, generation, address, role } = contact;
  const base = { nodeId, generation, address, role, self, linked, roundTripMs };
  if (facts === undefined) return base;
  const applied = facts.applied.map(({ election, version }) => ({
    election,
    version: versionFacts(version),
  }));
  const sinceMs = Math.floor(facts.sinceMs);
  return { ...base, facts: { ...facts, sinceMs, metadata: { ...facts.metadata }, applied } };
}

function convergenceFacts(
  answer: ConvergenceAnswer,
): z.output<typeof convergenceSchema> | undefined {
  const { election, newest, applied, live, behind, nodeId } = answer;
  if (newest === undefined) return undefined;
  return {
    ...{ election, newest: versionFacts(newest), applied, live, nodeId },
    behind: behind.map(({ nodeId: id, applied: held }) => ({
      nodeId: id,
      ...(held === undefined ? {} : { applied: versionFacts(held) }),
    })),
  };
}
