/**
 * What the channels of one client are told: the leader it knows, or why there is none. Decides when the
 * election is watched: from the first follower to the last, by one watch, however many channels there
 * are. Followers are told one after the other in one turn, so that whoever goes on after news finds
 * all channels where the news leads.
 */
import type { Client } from '../client.ts';
import { HeraldClientError } from '../errors.ts';
import { abort, newAbort } from '../on-abort.ts';
import type { LeaderUpdate } from '../results.ts';

/** What is known now. Nothing of the two: not known yet. */
export interface LeaderView {
  /** The newest that is known: a leader, one whose record has expired, or a vacancy. */
  readonly update: LeaderUpdate | undefined;
  /** Why nothing is known, or will not be known any longer. */
  readonly trouble: HeraldClientError | undefined;
}

const feeds = new WeakMap<Client, LeaderFeed>();

/** The one feed of `client`. */
export function feedOf(client: Client): LeaderFeed {
  const feed = feeds.get(client) ?? new LeaderFeed(client);
  feeds.set(client, feed);
  return feed;
}

export class LeaderFeed {
  readonly #client: Client;
  readonly #followers = new Set<() => void>();
  #trouble: HeraldClientError | undefined;
  #told: LeaderUpdate | undefined;
  /** Aborts when the last follower has left. */
  #unwanted = newAbort();
  /** For whom the nodes are being asked. */
  #asking: AbortSignal | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  get view(): LeaderView {
    return { update: this.#client.leader, trouble: this.#trouble };
  }

  /** What all channels were told last; may be older than the view by a turn of the event loop. */
  get told(): LeaderUpdate | undefined {
    return this.#told;
  }

  /**
   * Calls `follower` whenever the view changed, never before this function has returned.
   *
   * @returns Stops that.
   */
  follow(follower: () => void): () => void {
    // A wrapper of its own, so that the same function may follow twice.
    const entry = (): void => {
      follower();
    };
    this.#followers.add(entry);
    if (this.#followers.size === 1) this.#start();
    return () => {
      const isLast = this.#followers.delete(entry) && this.#followers.size === 0;
      if (isLast) abort(this.#unwanted);
    };
  }

  /** A channel is in trouble: while nothing is known the nodes are asked again. */
  renew(): void {
    if (this.#followers.size > 0) void this.#ask(this.#unwanted.signal);
  }

  #start(): void {
    this.#unwanted = newAbort();
    this.#trouble = undefined;
    this.#told = undefined;
    const { signal } = this.#unwanted;
    void this.#watch(signal);
    void this.#ask(signal);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    try {
      const watch = this.#client.watchLeader({ signal });
      while ((await watch.next()).done !== true) this.#tell();
      if (signal.aborted) return;
      this.#trouble = new HeraldClientError(
        'CLOSED',
        `the Herald client that follows ${this.#client.election} was closed; ` +
          'close it after the channels that follow it',
      );
    } catch (error) {
      this.#trouble = HeraldClientError.from(error);
    }
    this.#tell();
  }

  /** A watch is patient; that no node answers is found out by asking. */
  async #ask(signal: AbortSignal): Promise<void> {
    if (this.#asking === signal || this.#client.leader !== undefined) return;
    this.#asking = signal;
    try {
      await this.#client.getLeader({ signal });
      this.#trouble = undefined;
    } catch (error) {
      if (!signal.aborted) this.#trouble = HeraldClientError.from(error);
    }
    if (this.#asking === signal) this.#asking = undefined;
    if (!signal.aborted) this.#tell();
  }

  #tell(): void {
    this.#told = this.#client.leader;
    for (const follower of [...this.#followers]) follower();
  }
}
