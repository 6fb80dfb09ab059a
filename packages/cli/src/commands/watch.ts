/** `herald watch`: every change, until the user has seen enough. */
import { createClient } from '@herald/client';
import type { CliContext } from '../cli-context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { formatUpdate } from '../format.ts';
import { toLine, updateJson } from '../json.ts';
import { believingTransport } from '../security.ts';
import type { TrustFlags } from '../security.ts';

export interface WatchFlags extends TrustFlags {
  readonly join: readonly string[];
  readonly election: string;
  readonly renewals?: true;
  readonly json?: true;
}

/** How often trouble with the nodes is looked for, to be told on standard error. */
const troubleEveryMs = 1_000;

export async function watchCommand(context: CliContext, flags: WatchFlags): Promise<ExitCode> {
  const { election, join } = flags;
  const { signal, stderr, stdout, timeOfDay } = context;
  const believing = believingTransport(context, flags);
  await using client = createClient({ seeds: join, election, ...believing });
  let told: string | undefined;
  const timer = setInterval(() => {
    const { watchTrouble } = client.stats();
    if (watchTrouble === undefined || watchTrouble === told) return;
    told = watchTrouble;
    stderr(`herald: left a node: ${watchTrouble}; trying on\n`);
  }, troubleEveryMs);
  try {
    const includeRenewals = flags.renewals ?? false;
    for await (const update of client.watchLeader({ signal, includeRenewals })) {
      const isJson = flags.json === true;
      stdout(isJson ? toLine(updateJson(election, update)) : formatUpdate(timeOfDay(), update));
    }
  } finally {
    clearInterval(timer);
  }
  return exitCodes.ok;
}
