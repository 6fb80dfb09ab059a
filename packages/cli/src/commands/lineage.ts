/**
 * `herald lineage raise`: the one command after etcd was restored, wiped or replaced. Decides what is asked
 * before it is given (what the tier knows, so that the new lineage is above all of it), and that it waits for
 * the last leader of the old history rather than beside it.
 */
import { createClient, createOperator } from '@herald/client';
import type { OperatorTransport, Transport } from '@herald/client';
import type { MemberList, RaiseLineageResponse } from '@herald/wire';
import type { CliContext } from '../cli-context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { formatRaise, formatSpan } from '../format.ts';
import { raiseJson, toLine } from '../json.ts';
import { transportOf } from '../security.ts';
import type { TlsFlags } from '../security.ts';

export interface RaiseLineageFlags extends TlsFlags {
  readonly elector: string;
  readonly join?: readonly string[];
  readonly atLeast?: number;
  readonly alone?: true;
  readonly yes?: true;
  readonly timeout: number;
  readonly json?: true;
}

/** Members are asked of a client, which is made for one election; this question is about none. */
const anyElection = 'any';
/** After what a leader may live for: its record has expired for sure by then. */
const waitMarginMs = 50;

export async function raiseLineageCommand(
  context: CliContext,
  flags: RaiseLineageFlags,
): Promise<ExitCode> {
  const { elector, join = [], timeout, yes } = flags;
  const deadline = AbortSignal.timeout(timeout);
  const signal = AbortSignal.any([context.signal, deadline]);
  const lists = await Promise.all(
    [elector, ...join].map((endpoint) => membersAt(endpoint, { context, flags, signal, timeout })),
  );
  if (yes === true && flags.alone !== true && join.length === 0 && lists.every(isAlone)) {
    context.stderr(
      `herald: the elector at ${elector} knows of no other live member, so that what the tier holds cannot ` +
        'be seen from it: name a node with --join, or say --alone if none is left\n',
    );
    return exitCodes.failed;
  }
  await using operator = createOperator({ elector, transport: transportOf(context, flags) });
  const elections = new Set<string>(
    (await operator.status({ signal, timeoutMs: timeout })).elections.map((each) => each.election),
  );
  const call = {
    ...{ signal, timeoutMs: timeout, dryRun: yes !== true },
    knownLineage: Math.max(0, ...lists.map((list) => highestLineage(list, elections))),
    ...(flags.atLeast === undefined ? {} : { atLeast: flags.atLeast }),
  };
  const found = await raiseWhenFree(context, () => operator.raiseLineage(call), { yes, signal });
  context.stdout(flags.json === true ? toLine(raiseJson(found)) : formatRaise(found));
  if (yes === true && found.outcome === 'leader-lives') return stillLed(context, found, timeout);
  return exitCodes.ok;
}

/** Asks again as long as a leader may live, until the time is over; once, when it is only to look. */
async function raiseWhenFree(
  { stderr }: CliContext,
  raise: () => Promise<RaiseLineageResponse>,
  { yes, signal }: { readonly yes: true | undefined; readonly signal: AbortSignal },
): Promise<RaiseLineageResponse> {
  for (;;) {
    const found = await raise();
    if (yes !== true || found.outcome !== 'leader-lives') return found;
    stderr(`herald: ${found.waitFor}; waiting for ${formatSpan(found.waitMs)}\n`);
    if (!(await pause(found.waitMs + waitMarginMs, signal))) return found;
  }
}

function stillLed(
  { stderr }: CliContext,
  { waitFor }: RaiseLineageResponse,
  timeoutMs: number,
): ExitCode {
  stderr(
    `herald: after ${formatSpan(timeoutMs)} ${waitFor}: somebody renews that record. ` +
      'Stop the elector that still speaks to the old etcd, and try again\n',
  );
  return exitCodes.failed;
}

async function membersAt(
  endpoint: string,
  asked: {
    readonly context: CliContext;
    readonly flags: TlsFlags;
    readonly signal: AbortSignal;
    readonly timeout: number;
  },
): Promise<MemberList> {
  const transport: Transport & OperatorTransport = transportOf(asked.context, asked.flags);
  await using client = createClient({ seeds: [endpoint], election: anyElection, transport });
  return await client.listMembers({ signal: asked.signal, timeoutMs: asked.timeout });
}

function isAlone({ members }: MemberList): boolean {
  return members.every(({ facts, self }) => self || facts?.reachability !== 'reachable');
}

/** Of what all members say that they have applied, in these elections. */
function highestLineage({ members }: MemberList, elections: ReadonlySet<string>): number {
  const applied = members.flatMap(({ facts }) => facts?.applied ?? []);
  const lineages = applied
    .filter(({ election }) => elections.has(election))
    .map(({ version }) => version.lineage);
  return Math.max(0, ...lineages);
}

/** Resolves after that time, or as soon as `signal` aborts, with false. */
function pause(delayMs: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve(!signal.aborted);
    };
    const timer = setTimeout(end, delayMs);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
}
