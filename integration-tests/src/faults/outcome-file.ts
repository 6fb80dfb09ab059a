/** Where the outcome of a row is written: a line of JSON for each, in the file that is named, if one is. */
import { appendFile } from 'node:fs/promises';
import type { RowOutcome } from './fault-row.ts';

const fileVariable = 'HERALD_RELIABILITY_JSON';

export async function recordOutcome(outcome: RowOutcome): Promise<void> {
  const file = process.env[fileVariable];
  if (file !== undefined && file !== '') await appendFile(file, `${JSON.stringify(outcome)}\n`);
}
