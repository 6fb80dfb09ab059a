/** grpc-js's two kinds of duplex stream, as the one `FrameStream` that a link needs. */
import { status } from '@grpc/grpc-js';
import type { ClientDuplexStream, ServerDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { CloseCause, Frame } from '@herald/core';
import type { IncomingFrame } from '@herald/wire';
import type { FrameStream } from './link-stream.ts';

/** The stream that we dialled. `release` closes its channel, once the stream is over. */
export function dialedStream(
  call: ClientDuplexStream<Frame, IncomingFrame>,
  release: () => void,
): FrameStream {
  let reason = 'stream ended';
  let cause: CloseCause = 'ended';
  call.on('error', (error: ServiceError) => {
    reason = describe(error);
    // An answer, though none that we like: the member lives.
    cause = error.code === status.PERMISSION_DENIED ? 'ended' : 'lost';
  });
  return {
    write: (frame) => call.write(frame),
    end: () => {
      call.end();
    },
    abort: () => {
      call.cancel();
      release();
    },
    onFrame: (listener) => {
      call.on('data', listener);
    },
    onDrain: (listener) => {
      call.on('drain', listener);
    },
    onEnd: (listener) => {
      // 'status' comes last, whatever happened: after the data, the error or our own cancel.
      call.on('status', () => {
        release();
        // The error event is emitted after the status event in the same turn.
        setImmediate(() => {
          listener(reason, cause);
        });
      });
    },
  };
}

/** The stream that somebody opened to us. */
export function acceptedStream(call: ServerDuplexStream<IncomingFrame, Frame>): FrameStream {
  let over = false;
  return {
    write: (frame) => call.write(frame),
    end: () => {
      call.end();
    },
    abort: (reason = 'link aborted') => {
      // grpc-js ends a server's stream with an error status this way; it has no reset of its own.
      call.emit('error', { code: status.ABORTED, details: reason });
    },
    onFrame: (listener) => {
      call.on('data', listener);
    },
    onDrain: (listener) => {
      call.on('drain', listener);
    },
    onEnd: (listener) => {
      const end = (reason: string, cause: CloseCause): void => {
        if (over) return;
        over = true;
        listener(reason, cause);
      };
      call.on('end', () => {
        // A connection that breaks ends the stream, too, and cancels it within the same turn.
        setImmediate(() => {
          end('peer ended the stream', 'ended');
          call.end();
        });
      });
      call.on('cancelled', () => {
        end('peer is gone', 'lost');
      });
      call.on('error', (error: Error) => {
        end(error.message, 'lost');
      });
      call.on('close', () => {
        end('stream closed', 'lost');
      });
    },
  };
}

function describe(error: ServiceError): string {
  return `${status[error.code]}: ${error.details}`;
}
