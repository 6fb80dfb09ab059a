/**
 * What a call sends, kept so that it can be sent again to another server. Decides for how long that is
 * possible: until the call is accepted, or has sent more than is kept. Hands one message at a time to
 * grpc-js, which holds no more than one for a call that has no connection yet.
 */
import type { NextCall } from '@grpc/grpc-js';
import { followTuning } from './tuning.ts';

/** A call of grpc-js, below an interceptor. */
export type LowerCall = ReturnType<NextCall>;
export type MessageContext = Parameters<LowerCall['sendMessageWithContext']>[0];

interface Outgoing {
  readonly context: MessageContext;
  readonly message: unknown;
  /** Tells the writer, once, that the next message may come. */
  readonly written: (error?: Error | null) => void;
}

export class Outbox {
  /** All messages while they are kept; afterwards those that were not handed over. */
  #messages: Outgoing[] = [];
  /** How many of `#messages` the present call was handed. */
  #handed = 0;
  #isKept = true;
  #isClosed = false;
  #isCloseHanded = false;
  #isWriting = false;
  #call: LowerCall | undefined;

  /** Everything that was sent can be sent again. */
  get isKept(): boolean {
    return this.#isKept;
  }

  push(context: MessageContext, message: unknown): void {
    this.#messages.push({ context, message, written: once(context.callback) });
    if (this.#messages.length > followTuning.replayMessagesMax) this.letGo();
    this.#pump();
  }

  /** No more messages will come. */
  close(): void {
    this.#isClosed = true;
    this.#pump();
  }

  /** Sends all there is, from the first message on, and what comes later. */
  attach(call: LowerCall): void {
    this.#call = call;
    this.#handed = 0;
    this.#isCloseHanded = false;
    this.#isWriting = false;
    this.#pump();
  }

  /** The call is over; what comes is kept for the next one. */
  detach(): void {
    this.#call = undefined;
  }

  /** The call stays where it is: what was sent is not needed again. */
  letGo(): void {
    this.#isKept = false;
    this.#forgetHanded();
  }

  #pump(): void {
    const call = this.#call;
    if (call === undefined) return;
    const next = this.#messages[this.#handed];
    if (next !== undefined && !this.#isWriting) {
      this.#isWriting = true;
      this.#handed++;
      if (!this.#isKept) this.#forgetHanded();
      const callback = (error?: Error | null): void => {
        next.written(error);
        if (this.#call !== call) return;
        this.#isWriting = false;
        this.#pump();
      };
      call.sendMessageWithContext({ ...next.context, callback }, next.message);
    }
    // grpc-js closes after the message that it was handed before.
    const isAllHanded = this.#handed === this.#messages.length;
    if (this.#isClosed && isAllHanded && !this.#isCloseHanded && this.#call === call) {
      this.#isCloseHanded = true;
      call.halfClose();
    }
  }

  #forgetHanded(): void {
    this.#messages = this.#messages.slice(this.#handed);
    this.#handed = 0;
  }
}

function once(callback: MessageContext['callback']): (error?: Error | null) => void {
  let isDue = true;
  return (error) => {
    if (!isDue) return;
    isDue = false;
    callback?.(error);
  };
}
