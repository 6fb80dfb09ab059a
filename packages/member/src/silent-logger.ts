/** The log of a member that was given none. */
import type { MemberLogger } from './options.ts';

export const silentLogger: MemberLogger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
