/**
 * Certificate, key and authorities from their files, followed while the process runs. Decides that the
 * three are taken together or not at all: between two of them being replaced they do not fit.
 */
import type { Registry } from 'prom-client';
import { Gauge } from 'prom-client';
import { WatchedFiles } from './watched-file.ts';
import type { Reloadable, WatchedFilesOptions } from './watched-file.ts';

/** What the files hold, as PEM texts. */
export interface TlsTexts {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What is made of them, and can be told of others. Throws to refuse. */
export interface TlsHolder {
  replace(texts: TlsTexts): void;
  /** When the certificate ends, in milliseconds since 1970. */
  readonly expiresAtMs: number;
}

export interface TlsFileOptions {
  readonly tlsCa: string | undefined;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
}

export interface WatchedTls<Holder extends TlsHolder> extends Reloadable, Disposable {
  readonly holder: Holder;
}

/**
 * @param create Makes the holder of what the files hold at first; throws to refuse.
 * @returns undefined unless the three files are given, which `securityProblems` has seen to.
 * @throws ProcessError `BAD_CONFIGURATION` that names options, files and fix.
 */
export async function openTls<Holder extends TlsHolder>(
  { tlsCa, tlsCert, tlsKey }: TlsFileOptions,
  create: (texts: TlsTexts) => Holder,
  about: Pick<WatchedFilesOptions<keyof TlsTexts>, 'logger' | 'count' | 'intervalMs'>,
): Promise<WatchedTls<Holder> | undefined> {
  if (tlsCa === undefined || tlsCert === undefined || tlsKey === undefined) return undefined;
  let holder: Holder | undefined;
  const files = await WatchedFiles.open({
    ...about,
    what: 'certificates',
    files: {
      ca: { option: '--tls-ca', path: tlsCa },
      cert: { option: '--tls-cert', path: tlsCert },
      key: { option: '--tls-key', path: tlsKey },
    },
    use: (texts) => {
      if (holder === undefined) holder = create(texts);
      else holder.replace(texts);
      const expiresAt = new Date(holder.expiresAtMs).toISOString();
      about.logger.info({ expiresAt }, 'certificate in force');
    },
  });
  if (holder === undefined) throw new Error('certificates that were opened are in force');
  return {
    holder,
    reload: () => files.reload(),
    [Symbol.dispose]: () => {
      files[Symbol.dispose]();
    },
  };
}

/** Shows when the certificate ends, so that an alarm can come before it does. */
export function exposeCertificate(registry: Registry, holder: TlsHolder): void {
  new Gauge({
    name: 'herald_tls_certificate_expiry_seconds',
    help: 'When the certificate in force ends, in seconds since 1970',
    registers: [registry],
    collect() {
      this.set(holder.expiresAtMs / 1_000);
    },
  });
}
