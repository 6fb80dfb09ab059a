/**
 * `herald keys`: makes the pair that an elector signs with, and tells ids of keys. Decides that no key is
 * ever overwritten, since records signed by what was lost cannot be signed again.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WireError, generateKeyPair, parseSigningKey, parseTrustedKeys } from '@herald/wire';
import type { CliContext } from '../cli-context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { toLine } from '../json.ts';
import { UsageError } from '../usage-error.ts';

export interface KeysNewFlags {
  readonly out: string;
  readonly json?: true;
}

export interface KeysShowFlags {
  readonly json?: true;
}

const signingFile = 'signing.key';
const trustedFile = 'signing.pub';

export function keysNewCommand(context: CliContext, flags: KeysNewFlags): Promise<ExitCode> {
  const { out, json } = flags;
  const pair = generateKeyPair();
  const signing = join(out, signingFile);
  const trusted = join(out, trustedFile);
  try {
    mkdirSync(out, { recursive: true });
    // The private half first: if it is there already, nothing was touched.
    writeFileSync(signing, pair.signingKey, { mode: 0o600, flag: 'wx' });
    writeFileSync(trusted, pair.trustedKey, { mode: 0o644, flag: 'wx' });
  } catch (error) {
    throw new UsageError(`--out ${out}: ${reasonOf(error)}`, { cause: error });
  }
  const { keyId } = pair;
  if (json === true) context.stdout(toLine({ keyId, signingKey: signing, trustedKey: trusted }));
  else context.stdout(nextSteps(keyId, signing, trusted));
  return Promise.resolve(exitCodes.ok);
}

function nextSteps(keyId: string, signing: string, trusted: string): string {
  return [
    `key ${keyId}`,
    `  ${signing}  for one elector alone: --signing-key`,
    `  ${trusted}  for everybody, with those of all other electors in one file: --trusted-keys`,
    '',
  ].join('\n');
}

/** One line for each key in the files: its id, and whether it is the private half. */
export function keysShowCommand(
  context: CliContext,
  files: readonly string[],
  flags: KeysShowFlags,
): Promise<ExitCode> {
  const shown = files.flatMap((file) => keysIn(file).map((key) => ({ ...key, file })));
  for (const key of shown) {
    const { file, half, keyId } = key;
    context.stdout(flags.json === true ? toLine(key) : `${keyId}  ${half}  ${file}\n`);
  }
  return Promise.resolve(exitCodes.ok);
}

interface ShownKey {
  readonly keyId: string;
  readonly half: 'private' | 'public';
}

function keysIn(file: string): readonly ShownKey[] {
  try {
    const pem = readFileSync(file, 'utf8');
    if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
      return parseTrustedKeys(pem).map(({ keyId }) => ({ keyId, half: 'public' }));
    }
    return [{ keyId: parseSigningKey(pem).keyId, half: 'private' }];
  } catch (error) {
    const problem =
      error instanceof WireError ? error.message : `cannot be read: ${reasonOf(error)}`;
    throw new UsageError(`${file}: ${problem}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST') {
    return `${String(path)} is there already, and keys are not overwritten; choose another folder, or move it away`;
  }
  return error instanceof Error ? error.message : String(error);
}
