/** What was given cannot be used, and nothing was asked or written: the message names it and the fix. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
