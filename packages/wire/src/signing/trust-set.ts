/**
 * Decides whose records are believed: those whose very bytes a trusted key has signed for this cluster.
 * Several keys are trusted at the same time, which is what a rotation without interruption takes.
 *
 * A member is shown each record by several links, and a process may hold many members. A record is found
 * again by its bytes (`recently-decoded.ts`), so that it is one object in all of the process, and a key
 * remembers the objects that it was found to have signed: a second copy costs a look into a set.
 */
import { verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { parseClusterName } from '@herald/core';
import type { ClusterName, SealedRecord } from '@herald/core';
import { parseTrustedKeys } from './keys.ts';
import { signedContent, signedPrefix } from './signed-content.ts';

/**
 * Why a record is not believed.
 * - `unsigned`: it carries no signature at all.
 * - `unknown-key`: it says to be signed by a key that is not trusted (not yet, not any longer, never).
 * - `bad-signature`: the key that it names has not signed these bytes for this cluster.
 */
export type RecordObjection = 'unsigned' | 'unknown-key' | 'bad-signature';

/** What stands at every entrance of records. */
export interface RecordCheck {
  /** Why `sealed` is not believed; `undefined` when it is. */
  objectionTo(sealed: SealedRecord): RecordObjection | undefined;
  /** Calls `listener` each time when what was believed before may no longer be; returns what stops that. */
  onReplaced(listener: () => void): () => void;
}

export interface TrustSetOptions {
  /** Name of the cluster whose records these keys sign. */
  readonly cluster: ClusterName | string;
  /** PEM public keys, Ed25519, at least one; text between them is ignored. */
  readonly trustedKeys: string;
}

interface KnownKey {
  readonly publicKey: KeyObject;
  /** What it was found to have signed. Forgotten with the records themselves. */
  readonly signed: WeakSet<SealedRecord>;
}

export class TrustSet implements RecordCheck {
  readonly #prefix: Buffer;
  readonly #listeners = new Set<() => void>();
  #keys: ReadonlyMap<string, KnownKey>;

  /** @throws WireError with what is wrong with the keys; InvalidValueError when `cluster` is no name. */
  constructor({ cluster, trustedKeys }: TrustSetOptions) {
    this.#prefix = signedPrefix(parseClusterName(cluster));
    this.#keys = keysOf(trustedKeys);
  }

  get keyIds(): readonly string[] {
    return [...this.#keys.keys()];
  }

  objectionTo(sealed: SealedRecord): RecordObjection | undefined {
    const { bytes, keyId, signature } = sealed;
    if (keyId === '' || signature.byteLength === 0) return 'unsigned';
    const key = this.#keys.get(keyId);
    if (key === undefined) return 'unknown-key';
    if (key.signed.has(sealed)) return undefined;
    const content = signedContent(this.#prefix, bytes);
    if (!verify(null, content, key.publicKey, signature)) return 'bad-signature';
    key.signed.add(sealed);
    return undefined;
  }

  /**
   * From now on these keys are trusted, and no others.
   *
   * @throws WireError with what is wrong with them; those before stay.
   */
  replace(trustedKeys: string): void {
    this.#keys = keysOf(trustedKeys, this.#keys);
    for (const listener of this.#listeners) listener();
  }

  onReplaced(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/** A key that was trusted before keeps what it was found to have signed: the same id is the same key. */
function keysOf(
  pem: string,
  before?: ReadonlyMap<string, KnownKey>,
): ReadonlyMap<string, KnownKey> {
  return new Map(
    parseTrustedKeys(pem).map(({ keyId, publicKey }) => [
      keyId,
      before?.get(keyId) ?? { publicKey, signed: new WeakSet<SealedRecord>() },
    ]),
  );
}

/**
 * The keys whose records are believed, for `createClient({ trustedKeys })`.
 *
 * @throws WireError with what is wrong with the keys; InvalidValueError when `cluster` is no name.
 */
export function createTrustSet(options: TrustSetOptions): TrustSet {
  return new TrustSet(options);
}
