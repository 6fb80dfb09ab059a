/** Decides what the log says of links and other members, and what of it is worth a warning. */
import type { Effect } from '@herald/core';
import type { MemberLogger } from './options.ts';

type EffectOf<Kind extends Effect['kind']> = Extract<Effect, { readonly kind: Kind }>;

export function logLink(
  logger: MemberLogger,
  effect: EffectOf<'link-up'> | EffectOf<'link-down'>,
): void {
  const { link, peer } = effect;
  if (effect.kind === 'link-up') logger.debug({ link, peer }, 'link up');
  else logger.debug({ link, peer, reason: effect.reason }, 'link down');
}

export function logMember(
  logger: MemberLogger,
  { view, previous }: EffectOf<'member-changed'>,
): void {
  const { state, reachability, suspectedBy } = view ?? previous ?? {};
  const fields = { member: state?.contact, status: state?.status, reachability, suspectedBy };
  if (view === undefined) logger.debug(fields, 'member forgotten');
  else if (previous === undefined) logger.debug(fields, 'member joined');
  else logger.debug(fields, 'member changed');
}

/** Being full, or linked already, is part of everyday life; all else wants somebody to look. */
export function logRefusal(
  logger: MemberLogger,
  { address, reason, detail }: EffectOf<'refused'>,
): void {
  const routine = reason === 'full' || reason === 'duplicate' || reason === 'self';
  if (routine) logger.debug({ address, reason, detail }, 'refused by a member');
  else logger.warn({ address, reason, detail }, 'refused by a member');
}
