/**
 * Certificates and password for etcd from their files. Decides that they are followed while the process
 * runs, and what of them counts: each connection to etcd is opened with what the files held last.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { WatchedFiles } from '@herald/process';
import type { FileOption, ProcessContext, Reloadable, ReloadMeter } from '@herald/process';
import type { EtcdAccess, EtcdTls } from './etcd/access.ts';
import type { electorOptionTable } from './options.ts';

type Context = ProcessContext<typeof electorOptionTable>;
type Part = 'ca' | 'cert' | 'key' | 'password';

/** @throws ProcessError `BAD_CONFIGURATION` that names option, file and fix. */
export async function openEtcdAccess(
  { logger, options, own }: Context,
  count: ReloadMeter,
): Promise<{ readonly access: EtcdAccess; readonly reloadables: readonly Reloadable[] }> {
  const { etcdCa, etcdCert, etcdKey, etcdPasswordFile, etcdUsername } = options;
  const given: readonly (readonly [Part, string, string | undefined])[] = [
    ['ca', '--etcd-ca', etcdCa],
    ['cert', '--etcd-cert', etcdCert],
    ['key', '--etcd-key', etcdKey],
    ['password', '--etcd-password-file', etcdPasswordFile],
  ];
  const files: Partial<Record<Part, FileOption>> = {};
  for (const [part, option, path] of given) if (path !== undefined) files[part] = { option, path };
  if (Object.keys(files).length === 0) return { access: {}, reloadables: [] };
  let tls: EtcdTls = {};
  let password = '';
  const watched = await WatchedFiles.open<Part>({
    ...{ what: 'etcd access', logger, count },
    files: files as Record<Part, FileOption>,
    use: (contents: Readonly<Partial<Record<Part, string>>>) => {
      const { ca, cert, key } = contents;
      checkTls({ ca, cert, key });
      const line = checkPassword(contents.password);
      tls = { ca, cert, key };
      password = line;
    },
  });
  own('etcd access', watched);
  const user =
    etcdUsername === undefined ? {} : { user: () => ({ username: etcdUsername, password }) };
  return { access: { tls: () => tls, ...user }, reloadables: [watched] };
}

function checkTls({ ca, cert, key }: EtcdTls): void {
  if (ca !== undefined) parsed('--etcd-ca', () => new X509Certificate(ca));
  if (cert === undefined || key === undefined) return;
  const certificate = parsed('--etcd-cert', () => new X509Certificate(cert));
  const isPair = certificate.checkPrivateKey(parsed('--etcd-key', () => createPrivateKey(key)));
  if (!isPair) throw new Error('--etcd-key belongs to another certificate; replace both together');
}

/** Files end with a line feed that belongs to nobody's password. */
function checkPassword(text: string | undefined): string {
  const line = (text ?? '').replace(/\r?\n$/, '');
  if (text !== undefined && (line === '' || line.includes('\n'))) {
    throw new Error('--etcd-password-file must hold one line, the password');
  }
  return line;
}

/** The library's words are not repeated: what it says of a secret is not ours to vouch for. */
function parsed<T>(option: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new Error(`${option} holds nothing in PEM that can be used`);
  }
}
