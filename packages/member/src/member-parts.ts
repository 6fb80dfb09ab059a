/** What `createMember` makes before there is a member. */
import type { Server } from '@grpc/grpc-js';
import type { Entrance } from './bind-server.ts';
import type { StatsCollector } from './stats.ts';
import type { Gatekeeper } from './tls/gatekeeper.ts';

export interface MemberParts {
  readonly server: Server;
  readonly stats: StatsCollector;
  readonly entrance: Entrance;
  /** Who looks at certificates; without one everybody is let in. */
  readonly gatekeeper: Gatekeeper | undefined;
}
