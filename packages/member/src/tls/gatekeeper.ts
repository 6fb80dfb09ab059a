/**
 * Decides who comes in where TLS is in use: which connections get as far as HTTP/2, and which calls as
 * far as their handlers. Whoever has no certificate of a trusted authority is cut off before the first
 * byte of HTTP/2 is read; whoever has one, but not for this, is told what would be needed.
 *
 * What is refused is counted by reason, and logged now and then: a flood must not fill the log as well.
 */
import type { TLSSocket } from 'node:tls';
import { ServerInterceptingCall, ServerListenerBuilder, status } from '@grpc/grpc-js';
import type { ServerInterceptor } from '@grpc/grpc-js';
import type { Address, Vouched } from '@herald/core';
import { accessRefusal, formatPeerIdentity, readIdentity, vouchedBy } from '@herald/wire';
import type { IdentityReading, IdentityRefusal, TlsKeeper, TlsTrouble } from '@herald/wire';
import { MemberError } from '../errors.ts';
import type { MemberLogger, MemberOptions } from '../options.ts';
import { Seldom } from '../seldom.ts';

/**
 * Why a connection or a call was refused.
 *
 * - `untrusted`, `expired`, `no-certificate`: no authority of ours vouches for who dialled, now.
 * - `not-tls`: plain text, or something else that is no TLS 1.3.
 * - `handshake`: given up by the other end, or too slow. Port checks count here, too.
 * - the others: the certificate is one of ours, and not for this; see `IdentityRefusal`.
 */
export type GateRefusal =
  'untrusted' | 'expired' | 'no-certificate' | 'not-tls' | 'handshake' | IdentityRefusal;

/** What grpc-js tells of the connection that a call came on. */
interface Authenticated {
  getAuthContext(): { readonly sslPeerCertificate?: object } | null;
}

const nobody: IdentityReading = {
  kind: 'refused',
  reason: 'no-identity',
  detail: 'the connection has no certificate',
};

export class Gatekeeper {
  readonly tls: TlsKeeper;
  readonly #logger: MemberLogger;
  readonly #seldom: Seldom;
  readonly #refusals: Partial<Record<GateRefusal, number>> = {};
  /** By certificate: each connection has one object, for as long as it lives. */
  readonly #readings = new WeakMap<object, IdentityReading>();

  constructor(tls: TlsKeeper, logger: MemberLogger, nowMs: () => number) {
    this.tls = tls;
    this.#logger = logger;
    this.#seldom = new Seldom(nowMs);
  }

  /** What was refused since the start. */
  get refusals(): Readonly<Partial<Record<GateRefusal, number>>> {
    return { ...this.#refusals };
  }

  /** Whether a connection whose handshake is over may go on. */
  admits(socket: TLSSocket): boolean {
    const certificate = socket.getPeerCertificate();
    // An empty object stands for none.
    if (!('raw' in certificate)) {
      this.refuse('no-certificate', 'showed no certificate', socket.remoteAddress);
      return false;
    }
    if (!socket.authorized) {
      // A string, whatever its type says: OpenSSL's name of what is wrong.
      const problem = String(socket.authorizationError);
      const reason = problem === 'CERT_HAS_EXPIRED' ? 'expired' : 'untrusted';
      this.refuse(reason, problem, socket.remoteAddress);
      return false;
    }
    this.#readings.set(certificate, readIdentity(certificate.subjectaltname));
    // grpc-js asks at each call, and Node would parse the certificate anew each time.
    socket.getPeerCertificate = () => certificate as never;
    return true;
  }

  /** Counts, and logs now and then. */
  refuse(reason: GateRefusal, detail: string, peer: string | undefined): void {
    this.#refusals[reason] = (this.#refusals[reason] ?? 0) + 1;
    // Balancers knock, and members do: that says nothing of anybody's configuration.
    if (reason === 'handshake') {
      this.#logger.debug({ reason, detail, peer }, 'refused a connection');
      return;
    }
    const suppressed = this.#seldom.mayPass(reason);
    if (suppressed === undefined) return;
    this.#logger.warn({ reason, detail, peer, suppressed }, 'refused a connection or a call');
  }

  /** Tells now and then that a member was dialled, and TLS did not come about. */
  noteFailedDial(address: Address, { explanation }: TlsTrouble): void {
    const suppressed = this.#seldom.mayPass(`dial ${address}`);
    if (suppressed === undefined) return;
    this.#logger.warn({ address, reason: explanation, suppressed }, 'no link to a member');
  }

  /** What vouches for the member that opened the stream. */
  vouchedFor(call: Authenticated): Vouched | undefined {
    const reading = this.#readingOf(call);
    return reading.kind === 'identity' ? vouchedBy(reading.identity) : undefined;
  }

  /** Stands before the handlers of a server. */
  readonly interceptor: ServerInterceptor = ({ path }, call) => {
    const refusal = accessRefusal(path, this.#readingOf(call), this.tls.identity.cluster);
    if (refusal === undefined) return new ServerInterceptingCall(call);
    const { reason, detail } = refusal;
    this.refuse(reason, detail, call.getPeer());
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata(() => {
        call.sendStatus({ code: status.PERMISSION_DENIED, details: detail });
      })
      .build();
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next(listener);
      },
    });
  };

  #readingOf(call: Authenticated): IdentityReading {
    const certificate = call.getAuthContext()?.sslPeerCertificate;
    if (certificate === undefined) return nobody;
    return this.#readings.get(certificate) ?? nobody;
  }
}

/**
 * A member that shows the certificate of another would be refused by everybody.
 *
 * @throws MemberError `WRONG_CERTIFICATE`
 */
export function checkOwnIdentity(
  { identity }: TlsKeeper,
  { cluster, nodeId, role }: Pick<MemberOptions, 'cluster' | 'nodeId' | 'role'>,
): void {
  const isOurs = identity.name === undefined || identity.name === nodeId;
  if (isOurs && identity.cluster === cluster && identity.role === role) return;
  const [shown, expected] = [identity, { cluster, role, name: nodeId }].map(formatPeerIdentity);
  throw new MemberError(
    'WRONG_CERTIFICATE',
    `the certificate is that of ${shown}, but this is ${expected}: use one that was issued for it`,
  );
}
