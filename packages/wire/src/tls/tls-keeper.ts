/**
 * Holds what this process shows and trusts, and makes credentials of it. Decides when new material
 * counts: for each connection that is opened after it was replaced, at either end. Connections that
 * stand are left alone until they end by themselves, also those of an authority that was taken away.
 */
import { constants } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { PeerCertificate, SecureContext, SecureContextOptions } from 'node:tls';
import { ChannelCredentials } from '@grpc/grpc-js';
import { WireError } from '../errors.ts';
import { formatPeerIdentity, readIdentity, refusalOf } from './peer-identity.ts';
import type { PeerIdentity, PeerRole } from './peer-identity.ts';
import { checkTlsMaterial } from './tls-material.ts';
import type { CheckedMaterial, TlsMaterial } from './tls-material.ts';

/** Whom a channel is meant to reach: any member, or the elector beside a leader. */
export type ChannelPurpose = 'member' | 'elector';

const rolesAt: Readonly<Record<ChannelPurpose, readonly PeerRole[]>> = {
  member: ['elector', 'node'],
  elector: ['elector'],
};

/** All parties are Herald's own, so that nothing older than TLS 1.3 has to be spoken. */
const minVersion = 'TLSv1.3';

/** The wall clock, milliseconds since 1970. */
export type WallClock = () => number;

// Certificates are dated by the wall clock; nothing of the protocol is.
// eslint-disable-next-line no-restricted-properties
const wallClock: WallClock = () => Date.now();

export class TlsKeeper {
  readonly #nowMs: WallClock;
  readonly #listeners = new Set<() => void>();
  #checked: CheckedMaterial;
  #context: SecureContext | undefined;
  #channels = new Map<ChannelPurpose, ChannelCredentials>();

  /** @throws WireError `INVALID_VALUE` that names `ca`, `cert` or `key`, and the fix. */
  constructor(material: TlsMaterial, nowMs: WallClock = wallClock) {
    this.#nowMs = nowMs;
    this.#checked = checkTlsMaterial(material, nowMs());
  }

  /** Who we are, by our own certificate. Its cluster is the one whose members we talk to. */
  get identity(): PeerIdentity {
    return this.#checked.identity;
  }

  /** When our certificate ends, in milliseconds since 1970. */
  get expiresAtMs(): number {
    return this.#checked.expiresAtMs;
  }

  get material(): TlsMaterial {
    return this.#checked.material;
  }

  /**
   * From now on new connections use this. Changes nothing when it throws.
   *
   * @throws WireError `INVALID_VALUE`, also when the certificate is somebody else's.
   */
  replace(material: TlsMaterial): void {
    const checked = checkTlsMaterial(material, this.#nowMs());
    const [ours, theirs] = [this.identity, checked.identity].map(formatPeerIdentity);
    if (ours !== theirs) {
      throw new WireError('INVALID_VALUE', 'cert', `is that of ${theirs}, but this is ${ours}`);
    }
    this.#checked = checked;
    this.#context = undefined;
    this.#channels = new Map();
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after each replacement. @returns stops that. */
  onReplace(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** For channels. The same object until the material is replaced, so that it tells one from the other. */
  channel(purpose: ChannelPurpose): ChannelCredentials {
    const credentials = this.#channels.get(purpose) ?? this.#newChannel(purpose);
    this.#channels.set(purpose, credentials);
    return credentials;
  }

  /** For one channel to a member; `onPeer` is told who answered, before the first frame comes. */
  memberChannel(onPeer: (peer: PeerIdentity) => void): ChannelCredentials {
    return this.#newChannel('member', onPeer);
  }

  /**
   * For a server that asks for certificates and looks at them itself. Sessions cannot be resumed: a
   * resumed one would carry the trust of the day on which it began past the end of what it rests on.
   */
  serverContext(): SecureContextOptions {
    return { ...this.material, minVersion, secureOptions: constants.SSL_OP_NO_TICKET };
  }

  #newChannel(purpose: ChannelPurpose, onPeer?: (peer: PeerIdentity) => void): ChannelCredentials {
    this.#context ??= createSecureContext({ ...this.material, minVersion });
    return ChannelCredentials.createFromSecureContext(this.#context, {
      // Called once the chain is found good; takes the place of Node's look at host names.
      checkServerIdentity: (_host, certificate: PeerCertificate) => {
        const reading = readIdentity(certificate.subjectaltname);
        const refusal =
          reading.kind === 'refused'
            ? reading
            : refusalOf(reading.identity, this.identity.cluster, rolesAt[purpose]);
        if (refusal !== undefined) return new Error(`whoever answered: ${refusal.detail}`);
        if (reading.kind === 'identity') onPeer?.(reading.identity);
        return undefined;
      },
    });
  }
}
