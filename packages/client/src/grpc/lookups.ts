/**
 * Decides which way a lookup takes: a call of its own, or a frame on a standing stream, which costs a
 * fraction of it. A stream pays when questions follow each other, and it keeps the process alive while
 * it stands. So a node is asked by a call, by a stream from the question on that follows soon, and by
 * calls again for a while when it does not serve streams.
 */
import { status } from '@grpc/grpc-js';
import type { Address } from '@herald/core';
import type { GetLeaderRequest, LeaderAnswer, NodeClient } from '@herald/wire';
import { systemClock } from '../clock.ts';
import { HeraldClientError } from '../errors.ts';
import type { TransportCall } from '../transport.ts';
import { lookupStreamTuning as tuning } from '../tuning.ts';
import { askOnce } from './ask-once.ts';
import type { ChannelPool } from './channel-pool.ts';
import { fromServiceError } from './grpc-errors.ts';
import { LookupStream } from './lookup-stream.ts';
import type { Question, StreamEnd } from './lookup-stream.ts';

/** What is remembered of a node, for as long as there is a channel to it. */
interface Node {
  readonly address: Address;
  stream: LookupStream | undefined;
  askedAtMs: number;
  /** No stream is opened before this. */
  callsOnlyUntilMs: number;
}

export class Lookups {
  readonly #pool: ChannelPool<NodeClient>;
  readonly #nodes = new WeakMap<NodeClient, Node>();
  readonly #streams = new Set<LookupStream>();

  constructor(pool: ChannelPool<NodeClient>) {
    this.#pool = pool;
  }

  ask(
    address: Address,
    request: GetLeaderRequest,
    { signal }: TransportCall,
  ): Promise<LeaderAnswer> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const question = { request, signal, resolve, reject };
      const stream = this.#streamTo(address);
      if (stream === undefined) resolve(this.#call(address, question));
      else stream.ask(question);
    });
  }

  /** Fails the questions that are open on streams. */
  close(): void {
    for (const stream of this.#streams) stream.close();
  }

  /** The stream to ask on; `undefined` where a call is the better way. */
  #streamTo(address: Address): LookupStream | undefined {
    const { stub, giveBack } = this.#pool.borrow(address);
    const node = this.#nodes.get(stub) ?? newNode(address);
    this.#nodes.set(stub, node);
    const nowMs = systemClock.nowMs();
    const isSoon = nowMs - node.askedAtMs < tuning.standMs;
    node.askedAtMs = nowMs;
    if (node.stream === undefined && isSoon && nowMs >= node.callsOnlyUntilMs) {
      node.stream = this.#open(stub, node, giveBack);
    } else {
      giveBack();
    }
    return node.stream?.hasRoom === true ? node.stream : undefined;
  }

  /** Holds the channel for as long as the stream stands. */
  #open(stub: NodeClient, node: Node, giveBack: () => void): LookupStream {
    const stream = new LookupStream(stub.lookup(), (end, unanswered) => {
      this.#streams.delete(stream);
      node.stream = undefined;
      giveBack();
      this.#ended(node, end, unanswered);
    });
    this.#streams.add(stream);
    return stream;
  }

  #ended(node: Node, end: StreamEnd, unanswered: readonly Question[]): void {
    if (doesNotServeStreams(end)) {
      node.callsOnlyUntilMs = systemClock.nowMs() + tuning.callsOnlyMs;
      for (const question of unanswered) question.resolve(this.#call(node.address, question));
    } else {
      for (const question of unanswered) question.reject(failureOf(end));
    }
  }

  #call(address: Address, { request, signal }: Question): Promise<LeaderAnswer> {
    return askOnce(this.#pool, address, { signal }, (stub, done) => stub.getLeader(request, done));
  }
}

function newNode(address: Address): Node {
  return { address, stream: undefined, askedAtMs: -Infinity, callsOnlyUntilMs: -Infinity };
}

/** An older node, one with too many streams, or something on the way that holds frames back. */
function doesNotServeStreams(end: StreamEnd): boolean {
  if (end.kind !== 'broken') return end.kind === 'silent';
  const { error } = end;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === status.UNIMPLEMENTED || code === status.RESOURCE_EXHAUSTED;
}

function failureOf(end: StreamEnd): HeraldClientError {
  if (end.kind !== 'broken') return new HeraldClientError('CLOSED', 'the transport was disposed');
  if (end.error !== undefined) return fromServiceError(end.error);
  return new HeraldClientError('UNREACHABLE', 'the node ended the stream of lookups');
}
