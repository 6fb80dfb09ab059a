/** What `createMember` makes before there is a member. */
import type { Server } from '@grpc/grpc-js';
import type { ConnectionGate } from './connection-gate.ts';
import type { Entrance } from './entrance.ts';
import type { StatsCollector } from './stats.ts';
import type { Gatekeeper } from './tls/gatekeeper.ts';

export interface MemberParts {
  readonly server: Server;
  readonly stats: StatsCollector;
  readonly entrance: Entrance;
  /** How many connections there may be. */
  readonly connections: ConnectionGate;
  /** Who looks at certificates; without one everybody is let in. */
  readonly gatekeeper: Gatekeeper | undefined;
}
