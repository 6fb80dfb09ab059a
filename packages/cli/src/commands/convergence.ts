/** `herald convergence`: how many members have applied the newest change of an election, and who has not. */
import { createClient } from '@herald/client';
import type { CliContext } from '../cli-context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { formatConvergence } from '../format.ts';
import { convergenceJson, toLine } from '../json.ts';
import { transportOf } from '../security.ts';
import type { TlsFlags } from '../security.ts';

export interface ConvergenceFlags extends TlsFlags {
  readonly join: readonly string[];
  readonly election: string;
  readonly timeout: number;
  readonly json?: true;
}

export async function convergenceCommand(
  context: CliContext,
  flags: ConvergenceFlags,
): Promise<ExitCode> {
  const { election, join, timeout } = flags;
  const transport = transportOf(context, flags);
  await using client = createClient({ seeds: join, election, transport });
  const answer = await client.convergence({ signal: context.signal, timeoutMs: timeout });
  context.stdout(flags.json === true ? toLine(convergenceJson(answer)) : formatConvergence(answer));
  return answer.newest === undefined ? exitCodes.noLeader : exitCodes.ok;
}
