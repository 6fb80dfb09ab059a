/**
 * The standard health service of one node. Decides what the two names mean:
 *
 * - `''`, the process: SERVING from the start until it is told to stop. To restart it would not help
 *   against anything else.
 * - `herald.v1.Node`, the answers: NOT_SERVING also while the node is isolated, that is, knows of other
 *   members and has had no link to any for a while. Its answers are then honest (*expired*), but
 *   another node's are better, so balancers should send clients there.
 */
import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { ServingStatus } from 'grpc-health-check';

/** How often isolation is looked at; it takes seconds to be declared. */
const lookEveryMs = 1_000;

const answersService = 'herald.v1.Node';

export class NodeHealth {
  readonly #health = new HealthImplementation({ '': 'SERVING', [answersService]: 'SERVING' });
  #answers: ServingStatus = 'SERVING';
  #timer: NodeJS.Timeout | undefined;

  addTo(server: Server): void {
    this.#health.addToServer(server);
  }

  /** Follows the node until `stop`. */
  follow(isIsolated: () => boolean): void {
    this.#timer = setInterval(() => {
      this.#setAnswers(isIsolated() ? 'NOT_SERVING' : 'SERVING');
    }, lookEveryMs);
    // A node lives by its server; this must not keep a process alive.
    this.#timer.unref();
  }

  /** Tells everybody who watches that the node is going. */
  stop(): void {
    clearInterval(this.#timer);
    this.#setAnswers('NOT_SERVING');
    this.#health.setStatus('', 'NOT_SERVING');
  }

  #setAnswers(status: ServingStatus): void {
    if (status === this.#answers) return;
    this.#answers = status;
    this.#health.setStatus(answersService, status);
  }
}
