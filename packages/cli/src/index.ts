/** The `herald` command as a library, for tests and for programs that embed it. */
export { runCli } from './program.ts';
export type { CliContext } from './cli-context.ts';
export { exitCodes } from './exit-codes.ts';
export type { ExitCode } from './exit-codes.ts';
