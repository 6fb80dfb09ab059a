/** `herald status` and `herald step-down`: what an operator asks one elector. */
import { createOperator } from '@herald/client';
import type { CliContext } from '../cli-context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { formatStatus } from '../format.ts';
import { statusJson, stepDownJson, toLine } from '../json.ts';
import { believingTransport, transportOf } from '../security.ts';
import type { TlsFlags, TrustFlags } from '../security.ts';

interface ElectorFlags {
  readonly elector: string;
  readonly timeout: number;
  readonly json?: true;
}

export interface StatusFlags extends ElectorFlags, TrustFlags {
  readonly election?: string;
}

export interface StepDownFlags extends ElectorFlags, TlsFlags {
  readonly election: string;
  readonly reason?: string;
}

export async function statusCommand(context: CliContext, flags: StatusFlags): Promise<ExitCode> {
  const { election, elector, timeout } = flags;
  await using operator = createOperator({ elector, ...believingTransport(context, flags) });
  const status = await operator.status({
    signal: context.signal,
    timeoutMs: timeout,
    ...(election === undefined ? {} : { election }),
  });
  context.stdout(flags.json === true ? toLine(statusJson(status)) : formatStatus(status));
  return exitCodes.ok;
}

export async function stepDownCommand(
  context: CliContext,
  flags: StepDownFlags,
): Promise<ExitCode> {
  const { election, elector, reason, timeout } = flags;
  await using operator = createOperator({ elector, transport: transportOf(context, flags) });
  const response = await operator.stepDown({
    election,
    signal: context.signal,
    timeoutMs: timeout,
    ...(reason === undefined ? {} : { reason }),
  });
  const { epoch, steppedDown } = response;
  if (flags.json === true) context.stdout(toLine(stepDownJson(election, response)));
  else if (steppedDown) {
    context.stdout(
      `the elector at ${elector} stepped down from ${election}: epoch ${epoch} ended\n`,
    );
  } else {
    context.stdout(`the elector at ${elector} does not lead ${election}: nothing was changed\n`);
  }
  return steppedDown ? exitCodes.ok : exitCodes.noLeader;
}
