/**
 * Everything that the parties of a cluster prove themselves with, in one folder: a folder within for each of
 * them, and one for the authorities. Decides what stays of what is there: whatever is good for a while yet.
 * The rest is made, so that to do it again is how certificates are renewed.
 *
 * The authorities' keys are kept, in a folder that nobody needs but the next run. Without them all would have
 * to be replaced at once to renew anything, and etcd, which reads its authority only when it starts, be
 * restarted. Whoever can read that folder can read all the others beside it, so that little would be won.
 */
import { createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import { generateKeyPair, parseSigningKey } from '@herald/wire';
import { backdatedMs, CertificateAuthority } from './certificate-authority.ts';
import type { IssuedCertificate } from './certificate-authority.ts';
import { willDo } from './fitness.ts';
import { authorityFolder, holdingsOf, keyNames } from './holdings.ts';
import type { AuthorityName, ClusterPlan, HeldCertificate } from './holdings.ts';
import { KeptFiles } from './kept-files.ts';

export interface FolderOptions {
  readonly folder: string;
  readonly plan: ClusterPlan;
  /** How long new certificates are good, from now on. */
  readonly validForMs: number;
  /** The wall clock, milliseconds since 1970: certificates are dated by it. */
  readonly nowMs: number;
}

/** Paths within the folder. */
export interface FolderOutcome {
  readonly made: readonly string[];
  readonly kept: readonly string[];
}

/** An authority outlives generations of what it signs: when it ends, all of that ends. */
const authorityLifetimes = 10;
/** A certificate is replaced in the last third of its life: who asks twice in that time misses nothing. */
const renewedShare = 1 / 3;

type Authorities = Readonly<Record<AuthorityName, CertificateAuthority>>;

/**
 * Makes what is missing or too old.
 *
 * @throws Error of the file system when something cannot be read or written.
 */
export async function furnish(options: FolderOptions): Promise<FolderOutcome> {
  const files = new KeptFiles(options.folder);
  const authorities = {
    herald: await furnishAuthority('herald', options, files),
    etcd: await furnishAuthority('etcd', options, files),
  };
  const holdings = holdingsOf(options.plan);
  const signing = new Map<string, SigningKeys>();
  for (const { holder, signs } of holdings) {
    if (signs) signing.set(holder, await signingKeysOf(holder, files));
  }
  const trusted = [...signing.values()].map(({ trustedKey }) => trustedKey).join('');
  for (const { holder, certificates, verifies } of holdings) {
    for (const held of certificates) {
      await furnishCertificate(holder, held, { authorities, options, files });
    }
    if (verifies) await files.put(join(holder, keyNames.trusted), trusted, 'open');
  }
  // Last: nobody signs with what is not trusted everywhere.
  for (const [holder, { signingKey }] of signing) {
    await files.put(join(holder, keyNames.signing), signingKey, 'secret');
  }
  return files.outcome;
}

async function furnishAuthority(
  name: AuthorityName,
  { nowMs, plan, validForMs }: FolderOptions,
  files: KeptFiles,
): Promise<CertificateAuthority> {
  const commonName = `Throw-away authority of ${plan.cluster} (${name})`;
  const [certPath, keyPath] = [`${name}.pem`, `${name}.key`].map((file) =>
    join(authorityFolder, file),
  ) as [string, string];
  const found = await readPair(certPath, keyPath, files);
  // What it signs now must not outlive it.
  const neededUntilMs = nowMs + validForMs;
  const isGood = willDo(found, { ca: undefined, request: { commonName }, neededUntilMs, nowMs });
  const authority = isGood
    ? await CertificateAuthority.restore(found)
    : await CertificateAuthority.create(commonName, {
        validFromMs: nowMs - backdatedMs,
        expiresAtMs: nowMs + authorityLifetimes * validForMs,
      });
  await files.put(keyPath, isGood ? found.key : await authority.exportKey(), 'secret');
  await files.put(certPath, isGood ? found.cert : authority.ca, 'open');
  return authority;
}

interface Workshop {
  readonly authorities: Authorities;
  readonly options: FolderOptions;
  readonly files: KeptFiles;
}

async function furnishCertificate(
  holder: string,
  { authority: name, names, request }: HeldCertificate,
  { authorities, options, files }: Workshop,
): Promise<void> {
  const { nowMs, validForMs } = options;
  const authority = authorities[name];
  const [ca, cert, key] = [names.ca, names.cert, names.key].map((file) => join(holder, file)) as [
    string,
    string,
    string,
  ];
  const found = await readPair(cert, key, files);
  const neededUntilMs = nowMs + validForMs * renewedShare;
  const issued = willDo(found, { ca: authority.ca, request, neededUntilMs, nowMs })
    ? found
    : await authority.issue({
        ...request,
        validFromMs: nowMs - backdatedMs,
        expiresAtMs: nowMs + validForMs,
      });
  await files.put(ca, authority.ca, 'open');
  await files.put(key, issued.key, 'secret');
  await files.put(cert, issued.cert, 'open');
}

/** What is not there is empty, which will not do. */
async function readPair(cert: string, key: string, files: KeptFiles): Promise<IssuedCertificate> {
  return { cert: (await files.read(cert)) ?? '', key: (await files.read(key)) ?? '' };
}

interface SigningKeys {
  readonly signingKey: string;
  readonly trustedKey: string;
}

/** The pair of the key that is there, or a new one; a key that signed records has no end of its own. */
async function signingKeysOf(holder: string, files: KeptFiles): Promise<SigningKeys> {
  const signingKey = (await files.read(join(holder, keyNames.signing))) ?? '';
  try {
    const { privateKey } = parseSigningKey(signingKey);
    const trustedKey = createPublicKey(privateKey).export({ format: 'pem', type: 'spki' });
    return { signingKey, trustedKey: trustedKey.toString() };
  } catch {
    return generateKeyPair(); // none, or none that is any good
  }
}
