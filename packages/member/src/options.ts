/** What a member is made from. Defaults stand beside the fields. */
import type { Server } from '@grpc/grpc-js';
import type {
  Address,
  ApplicationFacts,
  ClusterName,
  EngineTuning,
  HeldRecord,
  MemberView,
  NodeId,
  Random,
  Role,
} from '@herald/core';
import type { RecordCheck, RecordSigner, TlsKeeper } from '@herald/wire';

/** The part of a pino logger that a member uses. */
export interface MemberLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Called synchronously as things happen, for measurement; must not throw and must be quick. */
export interface MemberObserver {
  /** A newer record is held. `isChange` is false for a renewal of the one before. */
  applied?(held: HeldRecord, isChange: boolean): void;
  /** A member joined (no `previous`), changed in status or reachability, or was forgotten (no `view`). */
  memberChanged?(view: MemberView | undefined, previous: MemberView | undefined): void;
}

export interface MemberOptions {
  /** Members of other clusters are refused. */
  readonly cluster: ClusterName;
  /** Stable name of this member, unique in the cluster. */
  readonly nodeId: NodeId;
  readonly role: Role;
  /** Where to listen; port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** What others dial; by default the listening host with the port that was bound. */
  readonly advertise?: Address;
  /** Members to join by; tried for ever. May name this member itself. */
  readonly seeds: readonly Address[];
  /** What all others are told of this member: its zone, its build, metadata. */
  readonly application?: Partial<ApplicationFacts>;
  /** Adds services to the server that carries the links. */
  readonly addServices?: (server: Server) => void;
  readonly tuning?: Partial<EngineTuning>;
  readonly logger?: MemberLogger;
  readonly observer?: MemberObserver;
  /**
   * TCP connections that one address may hold, at least 1; `limits.connectionsPerAddressMax` unless given. More where
   * more than a thousand members and clients come through one router.
   */
  readonly connectionsPerAddressMax?: number | undefined;
  /** Who it is by its certificate, and whom it trusts; plain text, to and from anybody, when absent. */
  readonly tls?: TlsKeeper | undefined;
  /** Whose records are taken; all, signed or not, when absent. */
  readonly trust?: RecordCheck;
  /** Signs what is published here; without one it is believed only where `trust` is absent. */
  readonly signer?: RecordSigner;
  /** Source of randomness for jitter and peer choice; `Math.random` by default. */
  readonly random?: Random;
}
