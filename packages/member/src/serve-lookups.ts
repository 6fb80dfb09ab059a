/**
 * One stream of lookups, from its opening to its end. Decides that questions are answered in the order
 * of their arrival, and that none is read while answers wait to be written: a caller that does not
 * read is not read either, so that it costs what the windows of HTTP/2 hold, and no queue.
 */
import type { ServerDuplexStream, ServerErrorResponse } from '@grpc/grpc-js';
import { toServiceError } from '@herald/wire';
import type { IncomingLookup, InvalidLookup, LookupAnswer, LookupRequest } from '@herald/wire';
import type { AnsweringMember } from './node-service.ts';
import { stopping } from './refusals.ts';

export type LookupCall = ServerDuplexStream<IncomingLookup, LookupAnswer>;

/** @param idleMs A stream without a question for so long is ended: its caller may be gone. */
export function serveLookups(member: AnsweringMember, call: LookupCall, idleMs: number): void {
  let isOver = false;
  let stopListening = (): void => undefined;
  const end = (error?: ServerErrorResponse): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(idle);
    stopListening();
    if (error === undefined) call.end();
    else call.emit('error', error);
  };
  const idle = setTimeout(end, idleMs).unref();
  stopListening = member.onClosing(() => {
    end(stopping);
  });
  call.on('data', (arrived: IncomingLookup) => {
    if (isOver) return;
    idle.refresh();
    if (arrived.kind === 'malformed') end(toServiceError(arrived.error));
    else if (!call.write(answerTo(member, arrived))) call.pause();
  });
  call.on('drain', () => {
    call.resume();
  });
  call.on('end', () => {
    end();
  });
  // grpc-js emits this at every end of a call, whoever ended it.
  call.on('cancelled', () => {
    end();
  });
}

function answerTo(member: AnsweringMember, arrived: LookupRequest | InvalidLookup): LookupAnswer {
  const { id } = arrived;
  if (arrived.kind === 'invalid') return { kind: 'refused', id, reason: arrived.error.message };
  const { election, minVersion } = arrived.question;
  return { kind: 'answer', id, answer: member.answer(election, minVersion) };
}
