/**
 * Decides that an elector is not in plain text by accident: it has certificates, keys to believe others by and
 * one to be believed by, or whoever starts it has said that it shall do without all of them.
 */
import { InvalidValueError } from '@herald/core';
import type { MemberOptions } from '@herald/member';

export interface ElectorProtection extends Pick<MemberOptions, 'tls' | 'trust' | 'signer'> {
  /**
   * Plain text, and records that anybody can make: for a trial on one machine. Must be said where `tls`,
   * `trust` and `signer` are not given, and cannot be said beside them.
   */
  readonly insecure?: boolean | undefined;
}

/**
 * Only whether they are there is looked at.
 *
 * @throws InvalidValueError that names what is missing, or what does not go together.
 */
export function checkProtection({
  insecure,
  tls,
  trust,
  signer,
}: Partial<Record<keyof ElectorProtection, unknown>>): void {
  const all = Object.entries({ tls, trust, signer });
  const named = (given: boolean): string =>
    all
      .filter(([, value]) => (value !== undefined) === given)
      .map(([name]) => name)
      .join(', ');
  if (insecure === true) {
    if (named(true) === '') return;
    throw new InvalidValueError('insecure', `cannot be combined with ${named(true)}`);
  }
  if (named(false) === '') return;
  throw new InvalidValueError(
    named(false),
    'must be given, see "Security" in README.md; for a trial on one machine say insecure: true instead',
  );
}
