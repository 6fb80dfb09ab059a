/**
 * Decides how the lab and a worker process of its talk: numbered calls, each answered once, over the
 * channel that Node gives to a child. A call has a deadline, and a worker that dies fails its open
 * calls at once, so that the lab never waits for a process that is gone.
 */
import { LabError } from '../lab-error.ts';

/** What one call carries there and back; both must survive JSON. */
export interface CallShape {
  readonly request: object;
  readonly reply: unknown;
}

/** A protocol: its calls by name. */
export type CallShapes<Calls> = Readonly<Record<keyof Calls, CallShape>>;

interface RequestMessage {
  readonly id: number;
  readonly call: string;
  readonly request: object;
}

type ReplyMessage =
  | { readonly id: number; readonly kind: 'reply'; readonly reply: unknown }
  | { readonly id: number; readonly kind: 'failed'; readonly reason: string };

/** Calls of one worker that may wait at a time: the lab asks a handful of things at once. */
const openCallsMax = 64;

interface OpenCall {
  readonly succeed: (reply: unknown) => void;
  readonly fail: (error: LabError) => void;
}

/** The lab's end. */
export class Caller<Calls extends CallShapes<Calls>> {
  readonly #peer: string;
  readonly #send: (message: object) => void;
  readonly #open = new Map<number, OpenCall>();
  #lastId = 0;
  #closedBy: LabError | undefined;

  /** @param peer What the worker is called in error messages. */
  constructor(peer: string, send: (message: object) => void) {
    this.#peer = peer;
    this.#send = send;
  }

  /** @throws LabError `timeout` after `timeoutMs`, `worker-failed` if the worker said so or died. */
  call<Name extends keyof Calls & string>(
    name: Name,
    request: Calls[Name]['request'],
    options: { readonly timeoutMs: number },
  ): Promise<Calls[Name]['reply']> {
    if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy);
    if (this.#open.size >= openCallsMax) {
      const message = `${this.#peer}: ${String(openCallsMax)} calls are waiting already`;
      return Promise.reject(new LabError('worker-failed', message));
    }
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        const waited = `${this.#peer}: no reply to "${name}" within ${String(options.timeoutMs)} ms`;
        this.#open.delete(id);
        reject(new LabError('timeout', waited));
      }, options.timeoutMs);
      this.#open.set(id, {
        // The other end of the same build answers with what the protocol's type says.
        succeed: (reply) => {
          clearTimeout(deadline);
          resolve(reply);
        },
        fail: (error) => {
          clearTimeout(deadline);
          reject(error);
        },
      });
      const message: RequestMessage = { id, call: name, request };
      try {
        this.#send(message);
      } catch (error) {
        this.#take(id)?.fail(LabError.from(error, 'worker-failed'));
      }
    });
  }

  /** Takes in a message of the worker; a reply to a call that is no longer open is dropped. */
  receive(message: unknown): void {
    if (!isReply(message)) return;
    const open = this.#take(message.id);
    if (message.kind === 'reply') open?.succeed(message.reply);
    else open?.fail(new LabError('worker-failed', `${this.#peer}: ${message.reason}`));
  }

  /** Fails all open calls, and every later one, with `error`. */
  close(error: LabError): void {
    this.#closedBy ??= error;
    for (const id of [...this.#open.keys()]) this.#take(id)?.fail(error);
  }

  #take(id: number): OpenCall | undefined {
    const open = this.#open.get(id);
    this.#open.delete(id);
    return open;
  }
}

export type CallHandlers<Calls extends CallShapes<Calls>> = {
  readonly [Name in keyof Calls]: (
    request: Calls[Name]['request'],
  ) => Calls[Name]['reply'] | Promise<Calls[Name]['reply']>;
};

/** The worker's end: answers one message with one reply, whatever the handler does. */
export async function answerCall<Calls extends CallShapes<Calls>>(
  handlers: CallHandlers<Calls>,
  message: unknown,
  send: (reply: object) => void,
): Promise<void> {
  if (!isRequest(message)) return;
  const { id } = message;
  let reply: ReplyMessage;
  try {
    if (!Object.hasOwn(handlers, message.call)) throw new Error(`no call "${message.call}"`);
    // The name was checked against the handlers above.
    const handler = handlers[message.call as keyof Calls];
    reply = { id, kind: 'reply', reply: await handler(message.request) };
  } catch (error) {
    reply = { id, kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
  send(reply);
}

function isReply(message: unknown): message is ReplyMessage {
  if (!hasId(message) || !('kind' in message)) return false;
  return message.kind === 'reply' || (message.kind === 'failed' && 'reason' in message);
}

function isRequest(message: unknown): message is RequestMessage {
  return (
    hasId(message) &&
    'call' in message &&
    typeof message.call === 'string' &&
    'request' in message &&
    typeof message.request === 'object' &&
    message.request !== null
  );
}

function hasId(message: unknown): message is { readonly id: number } {
  return (
    typeof message === 'object' &&
    message !== null &&
    'id' in message &&
    typeof message.id === 'number'
  );
}
