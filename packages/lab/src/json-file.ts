/**
 * Decides how `--json FILE` is written: checked before anything is started, written whole or not at
 * all. A reader of the file never meets half a report.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** Why a file cannot be written there, as the end of "--json: …"; undefined when it can. */
export async function whyNotWritable(file: string): Promise<string | undefined> {
  const path = resolve(file);
  const folder = dirname(path);
  const there = await stat(folder).catch(() => undefined);
  if (there === undefined) return `the folder ${folder} does not exist`;
  if (!there.isDirectory()) return `${folder} is not a folder`;
  const target = await stat(path).catch(() => undefined);
  if (target?.isDirectory() === true) return `${path} is a folder, not a file`;
  const writable = await access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  return writable ? undefined : `the folder ${folder} may not be written to`;
}

/** Writes `value` beside the target and moves it into place. */
export async function writeJsonFile(file: string, value: unknown): Promise<void> {
  const path = resolve(file);
  const part = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.part`);
  try {
    await writeFile(part, `${JSON.stringify(value, undefined, 2)}\n`);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
