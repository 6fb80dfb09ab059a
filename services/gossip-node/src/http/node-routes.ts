/** What a node answers over HTTP: the same facts as over gRPC, for everyone else. */
import type { AnsweringMember } from '@herald/member';
import type { EventStreams, HttpRoutes } from '@herald/process';
import { addLeaderRoutes } from './leader-routes.ts';
import type { LeaderSource } from './leader-routes.ts';
import { addMemberRoutes } from './member-routes.ts';
import { addWatchRoute } from './watch-route.ts';

export type HttpMember = AnsweringMember & LeaderSource;

/** Adds `/v1/…`; a `Member` answers. `streams` bounds the watches, as a process does unless given. */
export function addNodeRoutes(
  routes: HttpRoutes,
  member: HttpMember,
  streams?: EventStreams,
): void {
  addLeaderRoutes(routes, member);
  addWatchRoute(routes, member, streams);
  addMemberRoutes(routes, member);
}
