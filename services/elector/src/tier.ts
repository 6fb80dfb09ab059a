/**
 * What an elector needs of the gossip tier. A running member is one; tests bring their own. Nothing
 * else in this package knows members.
 */
import type { Member } from '@herald/member';

export type Tier = Pick<
  Member,
  'nowMs' | 'publish' | 'leader' | 'answer' | 'introduce' | 'signingKeyId'
>;
