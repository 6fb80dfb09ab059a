/**
 * How the client's channels are protected. Decides that this is said, one way or the other: plain text
 * has to be asked for by name.
 */
import { credentials } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { TlsKeeper, WireError } from '@herald/wire';
import type { ChannelPurpose, TlsMaterial } from '@herald/wire';
import { HeraldClientError } from '../errors.ts';

export interface SecurityOptions {
  /**
   * The client's certificate with its key, and the authorities that it trusts, as PEM texts; or a
   * `TlsKeeper` of them, which several clients can share, and whose `replace` takes others for all
   * connections that are opened from then on.
   */
  readonly tls?: TlsKeeper | TlsMaterial | undefined;
  /** Plain text, whoever listens or answers. The only way to do without `tls`. */
  readonly insecure?: boolean | undefined;
}

/** Credentials for the next channel; the same object as long as nothing was replaced. */
export type Channels = (purpose: ChannelPurpose) => ChannelCredentials;

/** @throws HeraldClientError `INVALID_ARGUMENT` that names the option and the fix. */
export function channelsOf({ tls, insecure = false }: SecurityOptions): Channels {
  if (insecure) {
    if (tls !== undefined) throw invalid('insecure', 'cannot be true when tls is given');
    const plain = credentials.createInsecure();
    return () => plain;
  }
  if (tls === undefined) {
    throw invalid('tls', 'is required: { ca, cert, key }, or say insecure: true for plain text');
  }
  const keeper = tls instanceof TlsKeeper ? tls : keeperOf(tls);
  return (purpose) => keeper.channel(purpose);
}

function keeperOf(material: TlsMaterial): TlsKeeper {
  try {
    return new TlsKeeper(material);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new HeraldClientError('INVALID_ARGUMENT', `tls.${error.message}`, { cause: error });
  }
}

/** @throws HeraldClientError `INVALID_ARGUMENT` unless trusted keys are given, or security is declined. */
export function checkTrustChosen(trustedKeys: unknown, insecure = false): void {
  if (insecure && trustedKeys !== undefined) {
    throw invalid('insecure', 'cannot be true when trustedKeys are given');
  }
  if (insecure || trustedKeys !== undefined) return;
  throw invalid(
    'trustedKeys',
    'are required: createTrustSet({ cluster, trustedKeys }), or say insecure: true to believe anybody',
  );
}

/** @throws HeraldClientError `INVALID_ARGUMENT` unless all of `options` that `createClient` asks for is there, or declined. */
export function checkSecurityChosen(
  options: SecurityOptions & { readonly trustedKeys?: unknown },
): void {
  channelsOf(options);
  checkTrustChosen(options.trustedKeys, options.insecure);
}

function invalid(field: string, rule: string): HeraldClientError {
  return new HeraldClientError('INVALID_ARGUMENT', `${field}: ${rule}`);
}
