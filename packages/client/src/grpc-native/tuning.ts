/** Every delay and bound of the gRPC-native side, named once, with its reason. */
import { defaults } from '../tuning.ts';

export const followTuning = {
  /**
   * Times one call is sent, the first included. A failover takes one or two; with the back-off below
   * this is some ten seconds of refusals, after which somebody is misconfigured.
   */
  attemptsMax: 16,
  /**
   * For how long a call without a deadline follows refusals. Calls with one follow until then. The
   * same as for the client's own calls, for the same reason: a leader that is killed is replaced.
   */
  withoutDeadlineMs: defaults.timeoutMs,
  /**
   * Back-off between two attempts when no newer leader became known: the refusal may have been of the
   * moment. Slower than lookups, because these are calls to one server, and news ends the wait early.
   */
  backoffBaseMs: 50,
  backoffCapMs: 1_000,
  /**
   * Messages of a streaming call that are kept so that they can be sent again. Beyond this the call
   * goes on, but stays where it is. A unary call has one; whoever streams more has been accepted.
   */
  replayMessagesMax: 32,
} as const;

/**
 * How soon a channel dials a leader again that did not accept. grpc-js would wait 1 s, then up to
 * 120 s; a server that restarts as leader must not be waited for longer than its election took. A
 * newer epoch at the same address ends the wait at once.
 */
export const redialTuning = {
  firstMs: 100,
  capMs: 2_000,
} as const;
