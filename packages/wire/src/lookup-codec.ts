/**
 * Questions and answers on a stream of lookups, to bytes and back. Decides how much of what arrived
 * can be told when a question is none: a rule that is broken concerns one question, bytes that are no
 * question concern the stream.
 */
import { limits } from '@herald/core';
import { wireBounds } from './bounds.ts';
import { boundedCodec } from './codec.ts';
import type { Codec } from './codec.ts';
import { WireError } from './errors.ts';
import { nested, present, printableField, printableText } from './fields.ts';
import type { LookupAnswer__Output } from './generated/herald/v1/LookupAnswer.ts';
import type { LookupRequest__Output } from './generated/herald/v1/LookupRequest.ts';
import { answerFromRaw, answerToRaw, questionFromRaw, questionToRaw } from './node-codec.ts';
import type {
  IncomingLookup,
  InvalidLookup,
  LookupAnswer,
  LookupRequest,
} from './node-messages.ts';
import { messages } from './proto.ts';

const requestCodec: Codec<LookupRequest, LookupRequest | InvalidLookup> = boundedCodec(
  messages.lookupRequest,
  wireBounds.requestBytesMax,
  ({ id, question }: LookupRequest) => ({ id, question: questionToRaw(question) }),
  requestFromRaw,
);

/** @throws WireError */
export function encodeLookup(request: LookupRequest): Buffer {
  return requestCodec.encode(request);
}

/** Never throws: grpc-js would end the stream with INTERNAL and keep the reason from both ends. */
export function decodeIncomingLookup(bytes: Uint8Array): IncomingLookup {
  try {
    return requestCodec.decode(bytes);
  } catch (error) {
    return { kind: 'malformed', error: WireError.from(error) };
  }
}

export const lookupAnswerCodec: Codec<LookupAnswer> = boundedCodec(
  messages.lookupAnswer,
  wireBounds.lookupAnswerBytesMax,
  (answer) =>
    answer.kind === 'answer'
      ? { id: answer.id, answer: answerToRaw(answer.answer) }
      : { id: answer.id, refused: printableText(answer.reason) },
  answerOutcomeFromRaw,
);

function requestFromRaw(raw: LookupRequest__Output): LookupRequest | InvalidLookup {
  const { id } = raw;
  try {
    return { kind: 'question', id, question: nested(raw.question, 'question', questionFromRaw) };
  } catch (error) {
    return { kind: 'invalid', id, error: WireError.from(error) };
  }
}

function answerOutcomeFromRaw(raw: LookupAnswer__Output): LookupAnswer {
  const { id } = raw;
  switch (present(raw.outcome, 'outcome')) {
    case 'answer':
      return { kind: 'answer', id, answer: nested(raw.answer, 'answer', answerFromRaw) };
    case 'refused': {
      const reason = printableField(raw.refused ?? '', limits.detailBytesMax, 'refused');
      return { kind: 'refused', id, reason };
    }
  }
}
