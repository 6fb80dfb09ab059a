/**
 * Decides how a Herald process logs: NDJSON through pino, levels as words, time in ISO 8601.
 */
import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { openLogDestination } from './log-sink.ts';
import { loggableFields } from './loggable.ts';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  /** Stands in each line as `name`. */
  readonly name: string;
  readonly level: LogLevel;
  /** Standard output unless given. */
  readonly destination?: DestinationStream;
}

/**
 * A logger whose fields may hold bigints (written as text) and errors (with their causes), and
 * hide what a key such as `password`, `token` or `privateKey` holds.
 */
export function createLogger(options: LoggerOptions): Logger {
  const logger: Logger = pino(
    {
      name: options.name,
      level: options.level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: loggableFields },
      // Fields arrive copied; pino's own error serializer would rename the copy's type to Object.
      serializers: { err: (error: unknown) => error },
    },
    options.destination ?? openLogDestination(1),
  );
  // Pino formats a line's fields, but not a child's bindings; children inherit this method.
  const prototype = Object.getPrototypeOf(logger) as Logger;
  logger.child = function (this: Logger, bindings, childOptions) {
    return prototype.child.call(this, loggableFields(bindings), childOptions);
  } as Logger['child'];
  return logger;
}
