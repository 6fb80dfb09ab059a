/** `herald leader`: who leads, now. */
import { createClient } from '@herald/client';
import type { CliContext } from '../cli-context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { formatLeader } from '../format.ts';
import { leaderJson, toLine } from '../json.ts';
import { trustOf } from '../trust.ts';
import type { TrustFlags } from '../trust.ts';

export interface LeaderFlags extends TrustFlags {
  readonly join: readonly string[];
  readonly election: string;
  readonly timeout: number;
  readonly verify?: true;
  readonly allowExpired?: true;
  readonly minEpoch?: bigint;
  readonly maxAge?: number;
  readonly json?: true;
}

export async function leaderCommand(context: CliContext, flags: LeaderFlags): Promise<ExitCode> {
  const { election, join, maxAge, minEpoch } = flags;
  const trust = trustOf(flags);
  await using client = createClient({
    ...{ seeds: join, election, transport: context.transport() },
    ...trust,
  });
  const leader = await client.getLeader({
    signal: context.signal,
    timeoutMs: flags.timeout,
    verify: flags.verify ?? false,
    allowExpired: flags.allowExpired ?? false,
    ...(minEpoch === undefined ? {} : { minEpoch }),
    ...(maxAge === undefined ? {} : { maxAgeMs: maxAge }),
  });
  const isJson = flags.json === true;
  context.stdout(isJson ? toLine(leaderJson(election, leader)) : formatLeader(election, leader));
  return exitCodes.ok;
}
