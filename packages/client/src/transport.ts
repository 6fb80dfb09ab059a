/**
 * The line between what the client decides and how it talks. The client calls these few functions
 * and knows nothing of gRPC; a transport moves questions and answers and decides nothing.
 */
import type { Address } from '@herald/core';
import type {
  ConfirmRequest,
  ConfirmResponse,
  ConvergenceAnswer,
  ConvergenceRequest,
  GetLeaderRequest,
  LeaderAnswer,
  MemberList,
  RaiseLineageRequest,
  RaiseLineageResponse,
  StatusRequest,
  StatusResponse,
  StepDownRequest,
  StepDownResponse,
  WatchLeaderRequest,
} from '@herald/wire';

export interface TransportCall {
  /** Ends the question at once; time-outs arrive this way, too. */
  readonly signal: AbortSignal;
}

/**
 * Questions to nodes. Each rejects with a `HeraldClientError`: `REJECTED` when the other end
 * understood and refused, else `UNREACHABLE`. Anything else that is thrown counts as `UNREACHABLE`.
 */
export interface Transport extends AsyncDisposable {
  lookup(endpoint: Address, request: GetLeaderRequest, call: TransportCall): Promise<LeaderAnswer>;
  /** Ends, or throws, when the node or the connection goes away. */
  watch(
    endpoint: Address,
    request: WatchLeaderRequest,
    call: TransportCall,
  ): AsyncIterable<LeaderAnswer>;
  members(endpoint: Address, call: TransportCall): Promise<MemberList>;
  convergence(
    endpoint: Address,
    request: ConvergenceRequest,
    call: TransportCall,
  ): Promise<ConvergenceAnswer>;
  /** Asks the elector beside the leader. */
  confirm(elector: Address, request: ConfirmRequest, call: TransportCall): Promise<ConfirmResponse>;
}

/** Questions of an operator to an elector. */
export interface OperatorTransport extends AsyncDisposable {
  status(elector: Address, request: StatusRequest, call: TransportCall): Promise<StatusResponse>;
  stepDown(
    elector: Address,
    request: StepDownRequest,
    call: TransportCall,
  ): Promise<StepDownResponse>;
  raiseLineage(
    elector: Address,
    request: RaiseLineageRequest,
    call: TransportCall,
  ): Promise<RaiseLineageResponse>;
}
