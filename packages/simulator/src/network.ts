/**
 * Decides what the simulated network does with a stream. A stream is what TCP makes of it: in order,
 * and reliable as long as both ends reach each other. What is written while they do not is kept by
 * the sender's side and arrives when the path heals, or the sender gives up. A machine that runs
 * answers for a process that is gone; one without power answers nothing.
 */
import type { Frame, LinkId, Random } from '@herald/core';
import type { Latency } from './latency.ts';

/** Linux gives a connection up after some 15 minutes of unanswered retransmissions (tcp_retries2 = 15). */
export const streamGivesUpMs = 15 * 60_000;

/** Retransmissions come at intervals that double, but no longer than this (TCP_RTO_MAX). */
const retransmitMsMax = 120_000;

/** What a sender's buffers hold of a stream that stalls; beyond, the shell ends the stream. */
const stalledMax = 256;

/** What arrives at an end of a stream: a frame, bytes that are none, its proper end, or that it broke. */
export type Arrival = Frame | 'garbled' | 'ended' | 'lost';

/** Whose end of a stream it is: the member, in this life of it, and its handle of the link. */
export interface EndOwner {
  readonly member: number;
  readonly life: number;
  readonly link: LinkId;
}

export class StreamEnd implements EndOwner {
  readonly member: number;
  readonly life: number;
  readonly link: LinkId;
  /** One way, the same both ways. */
  readonly delayMs: number;
  /** Itself until the stream is connected. */
  other: StreamEnd = this;
  /** False once this end was closed, or was told that the stream is gone. */
  open = true;
  /** When the last of what was written here arrives: nothing overtakes it. */
  arrivesMs = 0;
  /** What was written since the path failed. */
  stalled: Arrival[] | undefined;
  stalledSinceMs = 0;

  constructor({ member, life, link }: EndOwner, delayMs: number) {
    this.member = member;
    this.life = life;
    this.link = link;
    this.delayMs = delayMs;
  }
}

/** Puts what the network decided into virtual time. */
export interface NetworkEvents {
  arrive(atMs: number, end: StreamEnd, arrival: Arrival): void;
  /** The sender has waited for long enough since `sinceMs`: `giveUp` is to be called. */
  expire(atMs: number, end: StreamEnd, sinceMs: number): void;
}

/** A side of a partition. */
export type Side = number;

/** Where etcd is, and everybody while nothing is cut. */
export const home: Side = 0;

export class Network {
  /** Share of frames lost on streams that stand, 0 to 1, as a hostile middle would. */
  frameLoss = 0;
  latency: Latency;
  readonly #random: Random;
  readonly #events: NetworkEvents;
  readonly #ends: Map<LinkId, StreamEnd>[] = [];
  readonly #sides: Side[] = [];
  readonly #dark = new Set<number>();
  /** Directed pairs of sides between which nothing passes, one number each. */
  readonly #cuts = new Set<number>();
  readonly #stalled = new Set<StreamEnd>();

  constructor(latency: Latency, random: Random, events: NetworkEvents) {
    this.latency = latency;
    this.#random = random;
    this.#events = events;
  }

  addMember(): void {
    this.#ends.push(new Map());
    this.#sides.push(home);
  }

  /** Of a new stream, one way. */
  drawDelayMs(): number {
    return this.latency.streamMs(this.#random);
  }

  losesFrame(): boolean {
    return this.frameLoss > 0 && this.#random() < this.frameLoss;
  }

  /** Whether a packet from one member's machine gets to the other's. */
  reaches(from: number, to: number): boolean {
    if (this.#dark.has(to) || this.#dark.has(from)) return false;
    if (this.#cuts.size === 0) return true;
    return !this.#cuts.has(cutKey(this.sideOf(from), this.sideOf(to)));
  }

  /** Whether nothing is cut. */
  get isWhole(): boolean {
    return this.#cuts.size === 0;
  }

  sideOf(member: number): Side {
    return this.#sides[member] ?? home;
  }

  place(members: Iterable<number>, side: Side): void {
    for (const member of members) this.#sides[member] = side;
  }

  /** From now on nothing gets from one side to the other; the other way is another cut. */
  cut(from: Side, to: Side): void {
    this.#cuts.add(cutKey(from, to));
  }

  /** All sides reach each other again; what stalled is sent again. */
  heal(nowMs: number): void {
    this.#cuts.clear();
    this.#sides.fill(home);
    this.#resume(nowMs);
  }

  /** The machine of this member lost its power, or has it back. */
  setDark(member: number, dark: boolean, nowMs: number): void {
    if (dark) this.#dark.add(member);
    else if (this.#dark.delete(member)) this.#resume(nowMs);
  }

  isDark(member: number): boolean {
    return this.#dark.has(member);
  }

  /** Opens a stream; returns the end of the first. */
  connect(dialler: EndOwner, acceptor: EndOwner, delayMs: number): StreamEnd {
    const ours = new StreamEnd(dialler, delayMs);
    const theirs = new StreamEnd(acceptor, delayMs);
    ours.other = theirs;
    theirs.other = ours;
    this.#ends[dialler.member]?.set(dialler.link, ours);
    this.#ends[acceptor.member]?.set(acceptor.link, theirs);
    return ours;
  }

  end(member: number, link: LinkId): StreamEnd | undefined {
    return this.#ends[member]?.get(link);
  }

  endsOf(member: number): StreamEnd[] {
    return [...(this.#ends[member]?.values() ?? [])];
  }

  /** Returns false when the stream has stalled for so long that no more fits its buffers. */
  write(end: StreamEnd, arrival: Arrival, nowMs: number): boolean {
    const { other } = end;
    if (end.stalled === undefined && this.reaches(end.member, other.member)) {
      const tookMs = this.latency.frameMs(end.delayMs, this.#random);
      end.arrivesMs = Math.max(end.arrivesMs, nowMs + tookMs);
      this.#events.arrive(end.arrivesMs, other, arrival);
      return true;
    }
    if (end.stalled === undefined) {
      end.stalled = [];
      end.stalledSinceMs = nowMs;
      this.#stalled.add(end);
      this.#events.expire(nowMs + streamGivesUpMs, end, nowMs);
    }
    end.stalled.push(arrival);
    return end.stalled.length <= stalledMax;
  }

  /** This end is gone, by its own decision or because it was told; what it wrote still travels. */
  close(end: StreamEnd): void {
    end.open = false;
    this.#ends[end.member]?.delete(end.link);
  }

  /** Nobody waits for what stalled here since then any more. Returns whether the end still stood. */
  giveUp(end: StreamEnd, sinceMs: number): boolean {
    if (end.stalled === undefined || end.stalledSinceMs !== sinceMs) return false;
    end.stalled = undefined;
    this.#stalled.delete(end);
    const stood = end.open;
    this.close(end);
    return stood;
  }

  /** Retransmissions had become rare while nothing got through, so they come late. */
  #resume(nowMs: number): void {
    for (const end of this.#stalled) {
      if (end.stalled === undefined || !this.reaches(end.member, end.other.member)) continue;
      const waits = Math.min(nowMs - end.stalledSinceMs, retransmitMsMax) * this.#random();
      end.arrivesMs = Math.max(end.arrivesMs, nowMs + waits + end.delayMs);
      for (const arrival of end.stalled) this.#events.arrive(end.arrivesMs, end.other, arrival);
      end.stalled = undefined;
      this.#stalled.delete(end);
    }
  }
}

const sidesMax = 2 ** 16;

function cutKey(from: Side, to: Side): number {
  return from * sidesMax + to;
}
