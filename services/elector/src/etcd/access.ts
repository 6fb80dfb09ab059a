/**
 * How etcd is told who we are: TLS material and a user's name and password. Decides how a token comes by
 * its calls. etcd3 would fetch tokens over a connection of its own that it never closes, and only renews
 * them for calls with one answer, not for watches and renewals; so it is told of no user, and the token is
 * added here, to whatever is sent.
 */
import { InterceptingCall, Metadata, status } from '@grpc/grpc-js';
import type { Deadline, Interceptor, StatusObject } from '@grpc/grpc-js';

/** PEM texts. */
export interface EtcdTls {
  /** Authorities that may have signed etcd's certificate; those of the system when absent. */
  readonly ca?: string | undefined;
  /** What etcd is shown when it asks for a certificate, with its key; both or none. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface EtcdUser {
  readonly username: string;
  readonly password: string;
}

/** Asked anew for each connection, so that what was replaced counts from the next one on. */
export interface EtcdAccess {
  readonly tls?: () => EtcdTls;
  readonly user?: () => EtcdUser;
}

/** etcd forgets tokens after a while (`--auth-token-ttl`), and all of them when users change. */
const isSpent = /invalid auth token|revision of auth store is old|revision in header is old/;

/** Whether etcd refused a call, before it did anything, for its token alone. */
export function isTokenSpent(reason: string): boolean {
  return isSpent.test(reason);
}

/** The token of one connection; fetched when it is first needed, and again when etcd does not know it. */
export class EtcdToken {
  readonly #fetch: () => Promise<string>;
  #token: Promise<string> | undefined;

  /** @param fetch Exchanges name and password for a token, over the same connection. */
  constructor(fetch: () => Promise<string>) {
    this.#fetch = fetch;
  }

  /** The next call fetches another. */
  forget(): void {
    this.#token = undefined;
  }

  /** Adds the token to every call but the one that fetches it. */
  readonly interceptor: Interceptor = (options, nextCall) => {
    const call = nextCall(options);
    if (options.method_definition.path.endsWith('/Authenticate')) return new InterceptingCall(call);
    return new InterceptingCall(call, {
      start: (metadata, listener, next) => {
        const token = this.#present();
        // grpc-js loses a deadline that passes before a call has started: the call would never end.
        beforeDeadline(token, options.deadline).then(
          (text) => {
            metadata.set('token', text);
            next(metadata, {
              onReceiveStatus: (ending, nextStatus) => {
                if (isTokenSpent(ending.details)) this.#forget(token);
                nextStatus(ending);
              },
            });
          },
          (error: unknown) => {
            listener.onReceiveStatus(endingOf(error));
          },
        );
      },
    });
  };

  #present(): Promise<string> {
    if (this.#token !== undefined) return this.#token;
    const token = this.#fetch();
    this.#token = token;
    token.catch(() => {
      this.#forget(token);
    });
    return token;
  }

  /** Unless somebody has fetched another one meanwhile. */
  #forget(token: Promise<string>): void {
    if (this.#token === token) this.forget();
  }
}

/** Rejects, as gRPC would, when `deadline` passes first. */
async function beforeDeadline(
  token: Promise<string>,
  deadline: Deadline | undefined,
): Promise<string> {
  if (deadline === undefined) return token;
  const remainingMs = (): number => Number(deadline) - wallClockMs();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const expire = (): void => {
      reject(new Error(`${status.DEADLINE_EXCEEDED} DEADLINE_EXCEEDED: no token in time`));
    };
    if (remainingMs() < 2 ** 31) timer = setTimeout(expire, Math.max(0, remainingMs()));
  });
  try {
    const text = await Promise.race([token, late]);
    return remainingMs() > 0 ? text : await late;
  } finally {
    clearTimeout(timer);
  }
}

/** gRPC's deadlines are points on the wall clock. */
function wallClockMs(): number {
  // eslint-disable-next-line no-restricted-properties
  return Date.now();
}

/** A call without a token ends as the fetching of the token did. */
function endingOf(error: unknown): StatusObject {
  const details = error instanceof Error ? error.message : String(error);
  // etcd3 keeps the code in the text alone: `4 DEADLINE_EXCEEDED: …`.
  const name = /^\d{1,2} ([A-Z_]+): /.exec(details)?.[1] ?? '';
  const code = name in status ? status[name as keyof typeof status] : status.UNAVAILABLE;
  return {
    code,
    details: `authenticating to etcd: ${details}`,
    metadata: new Metadata(),
  };
}
