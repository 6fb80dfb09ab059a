/**
 * Decides the life of a Herald process: options, log, signals, main, shutdown, exit code. It is
 * the one place that ends the process, so that logs are flushed and the code tells the truth.
 *
 * First SIGINT or SIGTERM: `signal` aborts and main ends in its own time, up to a deadline.
 * Second: exit at once with 130 or 143. An uncaught error: one line, a fatal log, exit 1.
 */
import { constants } from 'node:os';
import type { Logger } from 'pino';
import { processLimits } from './limits.ts';
import { openLogDestination } from './log-sink.ts';
import { createLogger, logLevels } from './logger.ts';
import type { LogLevel } from './logger.ts';
import { monotonicNowMs } from './monotonic-clock.ts';
import { parseProcessOptions } from './option-parser.ts';
import type { ProcessDefinition } from './option-parser.ts';
import { onOff, oneOf } from './option-schemas.ts';
import { defineOptions } from './option-table.ts';
import type { OptionTable, ParsedOptions } from './option-table.ts';
import { describeError, exitCodeOf, exitCodes, ProcessError } from './process-error.ts';
import { ProcessScope } from './process-scope.ts';
import type { Resource } from './process-scope.ts';

/** A process: what it is told, and how it ends. */
export interface ProcessProgram<Table extends OptionTable> extends ProcessDefinition<Table> {
  readonly log?: {
    /** `stderr` for programs whose output is for people; `stdout` unless given. */
    readonly destination?: 'stdout' | 'stderr';
    /** Default of `--log-level`; `info` unless given. */
    readonly level?: LogLevel;
  };
  /** From the request to stop to the last resource closed; `processLimits` has the default. */
  readonly shutdownTimeoutMs?: number;
}

/** What main works with. */
export interface ProcessContext<Table extends OptionTable> {
  readonly options: ParsedOptions<Table>;
  readonly logger: Logger;
  /** Aborts when the process shall end; the reason is a `ProcessError` with code `STOPPED`. */
  readonly signal: AbortSignal;
  /**
   * Hands a resource to the process, which closes it after main, newest first. The name is what
   * the log calls it, and what a shutdown that hangs is reported with.
   */
  readonly own: <Owned extends Resource>(name: string, resource: Owned) => Owned;
}

/** Options that every process has. */
function processOptions(level: LogLevel) {
  return defineOptions({
    logLevel: {
      flag: '--log-level <level>',
      env: 'HERALD_LOG_LEVEL',
      schema: oneOf(logLevels),
      default: level,
      description: `Least severe lines to log: ${logLevels.join(', ')}`,
      group: 'Process',
    },
    stopOnStdinEnd: {
      flag: '--stop-on-stdin-end',
      schema: onOff(),
      description: 'Stop when standard input ends, so as not to outlive the parent process',
      group: 'Process',
    },
  });
}

/**
 * Runs `main` as this process and ends the process when it settles: with 0 when it returns or was
 * stopped, else with the exit code of its error. Never resolves.
 */
export async function runProcess<const Table extends OptionTable>(
  program: ProcessProgram<Table>,
  main: (context: ProcessContext<Table>) => Promise<void>,
): Promise<never> {
  const outcome = parseProcessOptions<OptionTable>({
    ...(program as ProcessDefinition<OptionTable>),
    options: { ...program.options, ...processOptions(program.log?.level ?? 'info') },
    argv: process.argv.slice(2),
    env: process.env,
  });
  if (outcome.kind !== 'options') {
    await print(outcome.kind === 'help' ? process.stdout : process.stderr, outcome.text);
    return process.exit(outcome.exitCode);
  }
  // The merged table holds both tables, and with them both sets of options.
  const options = outcome.options as ParsedOptions<Table> &
    ParsedOptions<ReturnType<typeof processOptions>>;
  const destination = openLogDestination(program.log?.destination === 'stderr' ? 2 : 1);
  const logger = createLogger({ name: program.name, level: options.logLevel, destination });
  for (const warning of outcome.warnings) logger.warn(warning);

  const { shutdownTimeoutMs = processLimits.shutdownTimeoutMs } = program;
  const scope = new ProcessScope({ logger, shutdownTimeoutMs });
  const { signal } = scope;
  const uncaught = watchUncaught(logger);
  stopOnSignals(program.name, logger, scope);
  stopOnBrokenOutput(scope);
  if (options.stopOnStdinEnd) stopOnStdinEnd(scope);

  logger.info({ version: program.version }, 'starting');
  const failures = await Promise.race([
    scope.run(() => main({ options, logger, signal, own: scope.own.bind(scope) })),
    uncaught,
  ]);
  for (const error of failures) await reportFailure(program.name, logger, error);
  process.exitCode ??= failures.length === 0 ? exitCodes.ok : exitCodeOf(failures[0]);
  const reason = signal.aborted ? describeError(signal.reason) : 'uncaught error';
  logger.info({ exitCode: process.exitCode, reason }, 'ended');
  await destination.flush();
  return process.exit();
}

function stopOnSignals(name: string, logger: Logger, scope: ProcessScope): void {
  let firstMs: number | undefined;
  for (const signalName of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signalName, () => {
      const nowMs = monotonicNowMs();
      if (firstMs === undefined) {
        firstMs = nowMs;
        logger.info({ signal: signalName }, 'stopping');
        scope.stop(`stopped by ${signalName}`);
      } else if (nowMs - firstMs > processLimits.repeatedSignalWindowMs) {
        process.stderr.write(`${name}: second signal (${signalName}), ending at once\n`);
        process.exit(128 + constants.signals[signalName]);
      }
    });
  }
}

/** What main prints for people has lost its reader, as in `… | head`: nobody waits for the rest. */
function stopOnBrokenOutput(scope: ProcessScope): void {
  process.stdout.on('error', (error) => {
    scope.stop(`standard output failed: ${describeError(error)}`);
  });
  // Without a standard error there is nobody to tell; the log has it all.
  process.stderr.on('error', () => undefined);
}

function stopOnStdinEnd(scope: ProcessScope): void {
  const stop = (): void => {
    scope.stop('standard input ended');
  };
  process.stdin.once('end', stop).once('close', stop).once('error', stop).resume();
}

/**
 * Resolves with the first error that nobody caught; unhandled rejections are among them, as Node
 * raises them as uncaught exceptions. The process then ends without closing anything, since its
 * state can no longer be trusted, and with exit code 1 even if main ended well in the meantime.
 */
function watchUncaught(logger: Logger): Promise<readonly unknown[]> {
  return new Promise((resolve) => {
    process.on('uncaughtException', (error, origin) => {
      process.exitCode = exitCodes.failed;
      logger.fatal({ err: error, origin }, 'uncaught error');
      resolve([new ProcessError('FAILED', origin, { cause: error })]);
    });
  });
}

async function reportFailure(name: string, logger: Logger, error: unknown): Promise<void> {
  const text = describeError(error);
  logger.error({ err: error }, text);
  await print(process.stderr, `${name}: ${text}\n`);
}

/** Writes to the end; a reader that went away is no error of ours. */
function print(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.once('error', () => {
      resolve();
    });
    stream.write(text, () => {
      resolve();
    });
  });
}
