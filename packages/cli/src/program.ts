/** Decides what `herald` is told, and how it ends: commands, flags, variables, help, exit codes. */
import { HeraldClientError } from '@herald/client';
import { formatDurationMs } from '@herald/process';
import { Command, CommanderError, Option } from 'commander';
import type { CliContext } from './cli-context.ts';
import { statusCommand, stepDownCommand } from './commands/elector.ts';
import type { StatusFlags, StepDownFlags } from './commands/elector.ts';
import { convergenceCommand } from './commands/convergence.ts';
import type { ConvergenceFlags } from './commands/convergence.ts';
import { keysNewCommand, keysShowCommand } from './commands/keys.ts';
import type { KeysNewFlags, KeysShowFlags } from './commands/keys.ts';
import { raiseLineageCommand } from './commands/lineage.ts';
import type { RaiseLineageFlags } from './commands/lineage.ts';
import { leaderCommand } from './commands/leader.ts';
import type { LeaderFlags } from './commands/leader.ts';
import { membersCommand } from './commands/members.ts';
import type { MembersFlags } from './commands/members.ts';
import { watchCommand } from './commands/watch.ts';
import type { WatchFlags } from './commands/watch.ts';
import { exitCodeHelp, exitCodeOf, exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { withTls, withTrust } from './security.ts';
import {
  readAddress,
  readAddresses,
  readElection,
  readEpoch,
  readLineage,
  readMaxAgeMs,
  readTimeoutMs,
} from './values.ts';

const timeoutMs = 5_000;
/** A raise waits until the last record of a leader has expired: as long as a lease lives, mostly seconds. */
const raiseTimeoutMs = 60_000;

const options = {
  join: () =>
    new Option('-j, --join <host:port>', 'node to ask; repeatable, one that lives is enough')
      .env('HERALD_JOIN')
      .argParser(readAddresses)
      .makeOptionMandatory(),
  election: () =>
    new Option('-e, --election <name>', 'election that it is about')
      .env('HERALD_ELECTION')
      .argParser(readElection),
  elector: () =>
    new Option('--elector <host:port>', 'elector to ask')
      .env('HERALD_ELECTOR')
      .argParser(readAddress)
      .makeOptionMandatory(),
  timeout: (defaultMs = timeoutMs) =>
    new Option('-t, --timeout <duration>', 'how long it may take, e.g. 500ms or 10s')
      .default(defaultMs, formatDurationMs(defaultMs))
      .argParser(readTimeoutMs),
  json: () => new Option('--json', 'one line of JSON instead of text for people'),
};

/** Runs one command line (without node and script) to its end; the exit code is for the process. */
export async function runCli(
  version: string,
  argv: readonly string[],
  context: CliContext,
): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const run =
    <Flags>(command: (context: CliContext, flags: Flags) => Promise<ExitCode>) =>
    async (flags: Flags): Promise<void> => {
      exitCode = await command(context, flags);
    };
  const program = buildProgram(version, context, run);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has told the user already; 0 is --help and --version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    if (context.signal.aborted) return exitCodes.failed;
    context.stderr(`herald: ${describe(error)}\n`);
    return exitCodeOf(error);
  }
}

type Run = <Flags>(
  command: (context: CliContext, flags: Flags) => Promise<ExitCode>,
) => (flags: Flags) => Promise<void>;

function buildProgram(version: string, context: CliContext, run: Run): Command {
  const program = new Command('herald')
    .description('Asks a Herald cluster who leads, and since when.')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: context.stdout,
      writeErr: context.stderr,
      outputError: (text, write) => {
        write(text.replace(/^error: /, 'herald: '));
      },
    })
    .showSuggestionAfterError()
    .addHelpText('after', exitCodeHelp);
  addLeader(program, run);
  addWatch(program, run);
  withTls(
    program
      .command('members')
      .description('the members that a node knows: who takes part, who is unreachable, who left')
      .addOption(options.join())
      .addOption(options.timeout())
      .addOption(options.json()),
  ).action(run<MembersFlags>(membersCommand));
  withTls(
    program
      .command('convergence')
      .description(
        'how many members have applied the newest change of an election, and who has not',
      )
      .addOption(options.join())
      .addOption(options.election().makeOptionMandatory())
      .addOption(options.timeout())
      .addOption(options.json()),
  ).action(run<ConvergenceFlags>(convergenceCommand));
  addElectorCommands(program, run);
  addKeys(program, run);
  addLineage(program, run);
  return program;
}

function addLeader(program: Command, run: Run): void {
  withTrust(
    program
      .command('leader')
      .description('who leads an election, how old that news is, and for how long it holds')
      .addOption(options.join())
      .addOption(options.election().makeOptionMandatory())
      .addOption(options.timeout())
      .option('--verify', 'also ask the elector beside the leader whether it leads')
      .option('--allow-expired', 'take the last known leader even if nobody has renewed it')
      .addOption(
        new Option('--min-epoch <epoch>', 'wait for a leader of this epoch or newer').argParser(
          readEpoch,
        ),
      )
      .addOption(
        new Option('--max-age <duration>', 'take no news older than this').argParser(readMaxAgeMs),
      )
      .addOption(options.json()),
  )
    .addHelpText('after', '\nExample:\n  herald leader -j 10.0.0.3:7410 -e payments --verify\n')
    .action(run<LeaderFlags>(leaderCommand));
}

function addWatch(program: Command, run: Run): void {
  withTrust(
    program
      .command('watch')
      .description('who leads an election, and each change, until Ctrl-C')
      .addOption(options.join())
      .addOption(options.election().makeOptionMandatory())
      .option('--renewals', 'also show each renewal of the same leader')
      .addOption(options.json()),
  ).action(run<WatchFlags>(watchCommand));
}

function addElectorCommands(program: Command, run: Run): void {
  withTrust(
    program
      .command('status')
      .description('the elections of an elector: its state in each, and who leads')
      .addOption(options.elector())
      .addOption(options.election())
      .addOption(options.timeout())
      .addOption(options.json()),
  ).action(run<StatusFlags>(statusCommand));
  withTls(
    program
      .command('step-down')
      .description('ask an elector to end its leadership; another one takes over at once')
      .addOption(options.elector())
      .addOption(options.election().makeOptionMandatory())
      .option('--reason <text>', 'for the log of the elector')
      .addOption(options.timeout())
      .addOption(options.json()),
  ).action(run<StepDownFlags>(stepDownCommand));
}

function addKeys(program: Command, run: Run): void {
  const keys = program
    .command('keys')
    .description('keys that electors sign records with, and that everybody else trusts')
    .helpCommand(false);
  keys
    .command('new')
    .description('make a pair: signing.key for one elector, signing.pub for everybody')
    .addOption(new Option('-o, --out <dir>', 'folder to write them to').makeOptionMandatory())
    .addOption(options.json())
    .action(run<KeysNewFlags>(keysNewCommand));
  keys
    .command('show')
    .description('the ids of the keys in files')
    .argument('<file...>', 'private or public keys (PEM)')
    .addOption(options.json())
    .action((files: readonly string[], flags: KeysShowFlags) =>
      run<KeysShowFlags>((context) => keysShowCommand(context, files, flags))(flags),
    );
}

function addLineage(program: Command, run: Run): void {
  const lineage = program
    .command('lineage')
    .description("the counter of etcd's histories: what to do when etcd was restored or replaced")
    .helpCommand(false);
  withTls(
    lineage
      .command('raise')
      .description(
        'say what electors hold against etcd, and with --yes let all of them go on in a new lineage',
      )
      .addOption(options.elector())
      .addOption(
        new Option('-j, --join <host:port>', 'node that also knows the tier; repeatable')
          .env('HERALD_JOIN')
          .argParser(readAddresses),
      )
      .addOption(
        new Option(
          '--at-least <lineage>',
          'raise to at least this, also where nothing is wrong',
        ).argParser(readLineage),
      )
      .option('--alone', 'raise although the elector knows of no other member of the tier')
      .option('--yes', 'do it; without, only say what would be done')
      .addOption(options.timeout(raiseTimeoutMs))
      .addOption(options.json())
      .addHelpText('after', '\nExample:\n  herald lineage raise --elector 10.0.0.7:7400 --yes\n'),
  ).action(run<RaiseLineageFlags>(raiseLineageCommand));
}

function describe(error: unknown): string {
  if (!(error instanceof HeraldClientError)) {
    return error instanceof Error ? error.message : String(error);
  }
  const { attempts, redirects, retries } = error;
  const summary =
    attempts.length === 0
      ? ''
      : ` (${attempts.length} attempts, ${redirects} redirects, ${retries} retries)`;
  return `${error.code}: ${error.message}${summary}`;
}
