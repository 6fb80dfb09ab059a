/** Signs the records that an elector issues. Decides nothing but with which key: the last one given. */
import { sign } from 'node:crypto';
import type { ClusterName } from '@herald/core';
import { parseSigningKey } from './keys.ts';
import type { SigningKey } from './keys.ts';
import { signedContent, signedPrefix } from './signed-content.ts';

export interface RecordSignerOptions {
  /** The records are for this cluster, and verify in no other. */
  readonly cluster: ClusterName;
  /** PEM, PKCS#8, Ed25519. */
  readonly signingKey: string;
}

export class RecordSigner {
  readonly #prefix: Buffer;
  #key: SigningKey;

  /** @throws WireError when it is no such key, with the fix. */
  constructor({ cluster, signingKey }: RecordSignerOptions) {
    this.#prefix = signedPrefix(cluster);
    this.#key = parseSigningKey(signingKey);
  }

  get keyId(): string {
    return this.#key.keyId;
  }

  /** The 64 bytes of the signature over `record`, the bytes of an encoded record. */
  sign(record: Uint8Array): Buffer {
    return sign(null, signedContent(this.#prefix, record), this.#key.privateKey);
  }

  /**
   * From now on signs with this key. All who are to believe the records must trust it before.
   *
   * @throws WireError when it is no such key; the one before stays.
   */
  replace(signingKey: string): void {
    this.#key = parseSigningKey(signingKey);
  }
}

/** @throws WireError when it is no such key, with the fix. */
export function createRecordSigner(options: RecordSignerOptions): RecordSigner {
  return new RecordSigner(options);
}
