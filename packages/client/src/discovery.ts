/**
 * Learns from the list of members that any node has: further endpoints, so that a client outlives its
 * seeds, and whom it may let itself be led to. Decides when the list is asked for: beside a lookup that
 * succeeded, now and then, and sooner when somebody is named who is not on it; never by a timer of its own.
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
  #askedAtMs = -Infinity;
  #askedAgainAtMs = -Infinity;

  constructor(parts: ClientParts, closing: AbortSignal) {
    this.#parts = parts;
    this.#closing = closing;
  }

  /** Asks `endpoint`, which has just answered, if it is time. */
  consider(endpoint: Address): void {
    if (this.#isDue(this.#askedAtMs, endpointTuning.discoverEveryMs)) this.#ask(endpoint);
  }

  /**
   * Whether `address`, which `namedBy` names, may be asked. One that is not listed may have joined just
   * now: then somebody else than `namedBy`, if there is, is asked for the list first.
   */
  async mayAsk(address: string, namedBy: string): Promise<boolean> {
    const { targets } = this.#parts;
    if (targets.mayAsk(address)) return true;
    this.considerUnlisted(namedBy);
    await this.#running;
    return targets.mayAsk(address);
  }

  /** Asks for the list because `namedBy` named somebody who is not on it, unless that was done just now. */
  considerUnlisted(namedBy: string): void {
    if (!this.#isDue(this.#askedAgainAtMs, endpointTuning.discoverAgainMs)) return;
    const { clock, endpoints } = this.#parts;
    this.#askedAgainAtMs = clock.nowMs();
    const other = endpoints.pick(clock.nowMs(), undefined, new Set([namedBy]));
    if (other !== undefined) this.#ask(other);
  }

  /** Waits for a question that is under way; the closing signal has ended it. */
  async settled(): Promise<void> {
    await this.#running;
  }

  #isDue(lastMs: number, everyMs: number): boolean {
    const sinceMs = this.#parts.clock.nowMs() - lastMs;
    return this.#running === undefined && sinceMs >= everyMs && !this.#closing.aborted;
  }

  #ask(endpoint: Address): void {
    this.#askedAtMs = this.#parts.clock.nowMs();
    this.#running = this.#discover(endpoint).finally(() => {
      this.#running = undefined;
    });
  }

  async #discover(endpoint: Address): Promise<void> {
    const { clock, delays, endpoints, hooks, targets, transport } = this.#parts;
    const result = await attempt({
      clock,
      endpoint,
      what: 'members',
      timeoutMs: delays.attemptTimeoutMs,
      signal: this.#closing,
      log: new AttemptLog(hooks.onAttempt),
      ask: (call) => transport.members(endpoint, call),
      judge: () => 'answered',
    });
    if (result.kind === 'failed') {
      // Without the list the client has its seeds; the next time somebody else is asked.
      if (!this.#closing.aborted) endpoints.failed(endpoint, clock.nowMs());
      return;
    }
    const { members } = result.answer;
    targets.list(members.map(({ contact }) => contact.address));
    const contacts = members
      .filter(({ facts }) => facts === undefined || facts.reachability === 'reachable')
      .map(({ contact }) => contact);
    const nodes = contacts.filter(({ role }) => role === 'node');
    // Electors answer too, but have better things to do where there are nodes.
    endpoints.relearn((nodes.length > 0 ? nodes : contacts).map(({ address }) => address));
  }
}
