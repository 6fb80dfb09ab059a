/** What a command works with. The process passes the real things, a test passes its own. */
import type { OperatorTransport, SecurityOptions, Transport } from '@herald/client';

export interface CliContext {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Aborts when the user wants an end: Ctrl-C, or a reader of the output that went away. */
  readonly signal: AbortSignal;
  /** @param security How to protect it; asked for where there is something to protect. */
  readonly transport: (security: () => SecurityOptions) => Transport & OperatorTransport;
  /** Time of day for people, e.g. `12:03:04.512`. */
  readonly timeOfDay: () => string;
}
