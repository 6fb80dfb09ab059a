/** `herald members`: the members that one node knows. */
import { createClient } from '@herald/client';
import type { CliContext } from '../cli-context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { formatMembers } from '../format.ts';
import { membersJson, toLine } from '../json.ts';
import { transportOf } from '../security.ts';
import type { TlsFlags } from '../security.ts';

export interface MembersFlags extends TlsFlags {
  readonly join: readonly string[];
  readonly timeout: number;
  readonly json?: true;
}

/** Members are asked of a client, which is made for one election; this question is about none. */
const anyElection = 'any';

export async function membersCommand(context: CliContext, flags: MembersFlags): Promise<ExitCode> {
  const { join, timeout } = flags;
  const transport = transportOf(context, flags);
  await using client = createClient({ seeds: join, election: anyElection, transport });
  const list = await client.listMembers({ signal: context.signal, timeoutMs: timeout });
  context.stdout(flags.json === true ? toLine(membersJson(list)) : formatMembers(list));
  return exitCodes.ok;
}
