/** `herald leader`: who leads, now. */
import { createClient } from '@herald/client';
import type { CliContext } from '../cli-context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { formatLeader } from '../format.ts';
import { leaderJson, toLine } from '../json.ts';
import { believingTransport } from '../security.ts';
import type { TrustFlags } from '../security.ts';

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
  const believing = believingTransport(context, flags);
  await using client = createClient({ seeds: join, election, ...believing });
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
