/**
 * Decides whose TLS handshake is worked on, and when. A handshake costs both ends several milliseconds of
 * arithmetic. Begun for all at once, as when a fleet starts together, each takes as long as all of them;
 * those who dialled give up and dial again, and the work goes on for ever and leads to nothing. So only a
 * few are in progress at a time, and whoever came last is next: of those who wait it is the one who surely
 * still does (adaptive LIFO, as in Maurer, "Fail at Scale", ACM Queue 2015). Who gave up costs nothing.
 *
 * Between two handshakes the links that stand have their turn, so that a storm of newcomers does not make
 * their members look dead.
 */
import type { Socket } from 'node:net';

export interface HandshakeQueueOptions {
  /** Handshakes in progress; each may hold the event loop for some milliseconds when its answer comes. */
  readonly inProgressMax: number;
  /** Connections that wait; above it the oldest, who has waited in vain for longest, is cut off. */
  readonly waitingMax: number;
  /**
   * How long a handshake counts as in progress at most, in milliseconds; then it goes on without keeping
   * others waiting. Shorter: peers who say hello and fall silent, or are far away, hold up fewer. Longer:
   * a machine that is slower than this at both ends of everything is not asked for more than it can do.
   */
  readonly holdMs: number;
  /** How long a connection may take until it says something and has its turn, in milliseconds. */
  readonly patienceMs: number;
}

/** Why a connection never had its turn; for people. */
export type GivenUp = 'ended before TLS began' | 'was silent, or waited, too long' | 'crowded out';

const defaults: HandshakeQueueOptions = {
  inProgressMax: 8,
  waitingMax: 1024,
  holdMs: 250,
  patienceMs: 10_000,
};

/** A hello is a few hundred bytes; nobody says this much who waits for an answer. */
const helloBytesMax = 16_384;

interface Waiting {
  begin(): void;
  giveUp(why: GivenUp): void;
}

export class HandshakeQueue {
  readonly #options: HandshakeQueueOptions;
  /** The newest last: a set keeps the order of insertion. */
  readonly #waiting = new Set<Waiting>();
  readonly #inProgress = new Set<object>();

  constructor(options: Partial<HandshakeQueueOptions> = {}) {
    this.#options = { ...defaults, ...options };
  }

  /** Connections that have said hello and wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Handshakes that others wait for. */
  get inProgress(): number {
    return this.#inProgress.size;
  }

  /**
   * Takes a connection that was just accepted. It waits for its first bytes, before which there is nothing
   * to do, and then for its turn.
   *
   * @param begin Starts the handshake on the socket; what it has said can be read from it again. Calls
   *   `done` when the handshake is over, one way or the other.
   * @param givenUp Called instead when it does not come to that; the socket is destroyed.
   */
  enter(socket: Socket, begin: (done: () => void) => void, givenUp: (why: GivenUp) => void): void {
    const said: Buffer[] = [];
    let saidBytes = 0;
    const leave = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(waiting);
      socket.off('data', onData).off('end', onEnd).off('close', onEnd).pause();
    };
    const waiting: Waiting = {
      begin: () => {
        leave();
        socket.unshift(Buffer.concat(said));
        begin(this.#hold());
      },
      giveUp: (why) => {
        leave();
        socket.destroy();
        givenUp(why);
      },
    };
    const onEnd = (): void => {
      waiting.giveUp('ended before TLS began');
    };
    const onData = (data: Buffer): void => {
      said.push(data);
      saidBytes += data.length;
      if (saidBytes > helloBytesMax) waiting.giveUp('crowded out');
      else if (said.length === 1) this.#queue(waiting);
    };
    const timer = setTimeout(() => {
      waiting.giveUp('was silent, or waited, too long');
    }, this.#options.patienceMs).unref();
    // It stays: that a connection broke is told by its end, or by who reads it then.
    socket.on('error', () => undefined);
    socket.on('data', onData).on('end', onEnd).on('close', onEnd);
  }

  #queue(waiting: Waiting): void {
    this.#waiting.add(waiting);
    this.#beginNext();
    if (this.#waiting.size <= this.#options.waitingMax) return;
    const [oldest] = this.#waiting;
    oldest?.giveUp('crowded out');
  }

  /** Takes one of the places; returns what gives it back. */
  #hold(): () => void {
    const place = {};
    this.#inProgress.add(place);
    const release = (): void => {
      clearTimeout(timer);
      if (this.#inProgress.delete(place)) this.#beginNext();
    };
    const timer = setTimeout(release, this.#options.holdMs).unref();
    return release;
  }

  #beginNext(): void {
    while (this.#inProgress.size < this.#options.inProgressMax) {
      const newest = [...this.#waiting].at(-1);
      if (newest === undefined) return;
      newest.begin();
    }
  }
}
