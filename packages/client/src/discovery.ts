/**
 * Learns further endpoints from the list of members that any node has, so that a client outlives its
 * seeds. Decides when: beside a lookup that succeeded, now and then, never by a timer of its own.
 */
import type { Address } from '@herald/core';
import { AttemptLog } from './attempts.ts';
import { attempt } from './attempt-call.ts';
import type { ClientParts } from './parts.ts';
import { endpointTuning } from './tuning.ts';

export class Discovery {
  readonly #parts: ClientParts;
  readonly #closing: AbortSignal;
  #running: Promise<void> | undefined;
  #notBeforeMs = -Infinity;

  constructor(parts: ClientParts, closing: AbortSignal) {
    this.#parts = parts;
    this.#closing = closing;
  }

  /** Asks `endpoint`, which has just answered, if it is time. */
  consider(endpoint: Address): void {
    const nowMs = this.#parts.clock.nowMs();
    if (this.#running !== undefined || nowMs < this.#notBeforeMs || this.#closing.aborted) return;
    this.#notBeforeMs = nowMs + endpointTuning.discoverEveryMs;
    this.#running = this.#discover(endpoint).finally(() => {
      this.#running = undefined;
    });
  }

  /** Waits for a question that is under way; the closing signal has ended it. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #discover(endpoint: Address): Promise<void> {
    const { clock, delays, endpoints, transport } = this.#parts;
    const result = await attempt({
      clock,
      endpoint,
      what: 'members',
      timeoutMs: delays.attemptTimeoutMs,
      signal: this.#closing,
      log: new AttemptLog(),
      ask: (call) => transport.members(endpoint, call),
      judge: () => 'answered',
    });
    // Without the list the client has its seeds; the next time may go better.
    if (result.kind === 'failed') return;
    const contacts = result.answer.members
      .filter(({ facts }) => facts === undefined || facts.reachability === 'reachable')
      .map(({ contact }) => contact);
    const nodes = contacts.filter(({ role }) => role === 'node');
    // Electors answer too, but have better things to do where there are nodes.
    endpoints.relearn((nodes.length > 0 ? nodes : contacts).map(({ address }) => address));
  }
}
