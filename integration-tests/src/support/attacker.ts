/**
 * Somebody who means harm, with raw bytes: HTTP/2 without gRPC around it, protobuf by hand, sockets that say
 * what they like. Decides nothing of what is sent.
 */
import { connect as connectHttp2 } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { RunningProgram } from './run-program.ts';
import { patienceMs } from './test-cluster.ts';

/** Where a process is reached. */
export interface Target {
  readonly program: RunningProgram;
  readonly grpc: string;
  readonly http: string;
}

/** One gRPC message: a byte for compression, its length, its bytes. */
export function framed(bytes: Uint8Array, length = bytes.byteLength): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, bytes]);
}

/** Protobuf by hand: a field that is bytes or a text, and one that is a number. */
export const field = (number: number, value: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([varint((BigInt(number) << 3n) | 2n), varint(BigInt(bytes.length)), bytes]);
};
export const numberField = (number: number, value: bigint): Buffer =>
  Buffer.concat([varint(BigInt(number) << 3n), varint(value)]);

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    const more = rest > 0x7fn;
    bytes.push(Number(rest & 0x7fn) | (more ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

export const hello = (inCluster: string, generation: bigint, nodeId = 'intruder'): Buffer => {
  const contact = Buffer.concat([
    ...[field(1, nodeId), numberField(2, generation)],
    ...[field(3, '127.0.0.1:1'), numberField(4, 1n)],
  ]);
  const greeting = [field(1, inCluster), numberField(2, 1n), numberField(3, 9n), field(4, contact)];
  return field(1, Buffer.concat(greeting));
};

export class Attacker implements Disposable {
  readonly #sessions: ClientHttp2Session[] = [];
  readonly #sockets: Socket[] = [];
  readonly #target: Target;

  constructor(target: Target) {
    this.#target = target;
  }

  session(): ClientHttp2Session {
    const session = connectHttp2(`http://${this.#target.grpc}`);
    session.on('error', () => undefined);
    this.#sessions.push(session);
    return session;
  }

  call(
    session: ClientHttp2Session,
    path: string,
    more: OutgoingHttpHeaders = {},
  ): ClientHttp2Stream {
    const headers = {
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    const stream = session.request({ ...headers, ...more });
    stream.on('error', () => undefined);
    stream.resume();
    return stream;
  }

  link(session = this.session()): ClientHttp2Stream {
    return this.call(session, '/herald.v1.Gossip/Link');
  }

  socket(where: 'grpc' | 'http'): Socket {
    const [host = '', port = ''] = this.#target[where].split(':');
    const socket = connect(Number(port), host);
    socket.on('error', () => undefined);
    socket.resume();
    this.#sockets.push(socket);
    return socket;
  }

  /** Resolves when the other end has said its last, or the connection is gone. */
  ended(stream: ClientHttp2Stream | Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new Error(`it was not ended within ${String(patienceMs)} ms`));
      }, patienceMs);
      const end = (): void => {
        clearTimeout(late);
        resolve();
      };
      if (stream.destroyed || stream.readableEnded) end();
      for (const event of ['end', 'close', 'error']) stream.once(event, end);
    });
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }
}
