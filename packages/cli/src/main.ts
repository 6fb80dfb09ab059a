#!/usr/bin/env node
/** The `herald` command: gives the program the real output, signals and transport. */
import { readFileSync } from 'node:fs';
import { createGrpcTransport } from '@herald/client';
import { runCli } from './program.ts';

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

const ending = new AbortController();
const end = (): void => {
  ending.abort();
};
process.once('SIGINT', end);
process.once('SIGTERM', end);
// `herald watch | head -1`: a reader that went away wants no more.
process.stdout.on('error', end);

process.exitCode = await runCli(ownVersion(), process.argv.slice(2), {
  stdout: (text) => {
    process.stdout.write(text);
  },
  stderr: (text) => {
    process.stderr.write(text);
  },
  signal: ending.signal,
  transport: (security) => createGrpcTransport(security()),
  timeOfDay: () => new Date().toTimeString().slice(0, 8),
});
