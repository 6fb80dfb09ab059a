/** Electors without members, around one etcd and one tier in memory, for tests of the campaign. */
import { parseAddress, parseElectionName, parseNodeId } from '@herald/core';
import type { Candidacy } from '../candidacy.ts';
import { startCampaigns } from '../elector.ts';
import type { Campaigns, CampaignSettings } from '../elector.ts';
import type { MemoryTier } from './memory-tier.ts';

export const election = parseElectionName('payments');

export interface ContestantOptions extends Partial<Omit<CampaignSettings, 'etcd' | 'elections'>> {
  readonly name: string;
  readonly endpoint: string;
  readonly moreEndpoints?: readonly string[];
  readonly tier: MemoryTier;
  readonly callTimeoutMs?: number;
  readonly waitMs?: number;
}

/** One elector of a test, in its one election. */
export interface Contestant extends AsyncDisposable {
  readonly name: string;
  readonly campaigns: Campaigns;
  readonly candidacy: Candidacy;
}

let portCount = 10_000;

export async function newContestant(options: ContestantOptions): Promise<Contestant> {
  const { name, endpoint, moreEndpoints = [], tier, callTimeoutMs, waitMs, ...settings } = options;
  const address = parseAddress(`127.0.0.1:${++portCount}`);
  const campaigns = await startCampaigns(parseNodeId(name), address, tier, {
    ttlSeconds: 2,
    ...settings,
    elections: [{ name: election }],
    etcd: {
      endpoints: [endpoint, ...moreEndpoints],
      ...(callTimeoutMs === undefined ? {} : { callTimeoutMs }),
      ...(waitMs === undefined ? {} : { waitMs }),
    },
  });
  const candidacy = campaigns.candidacies.get(election);
  if (candidacy === undefined) throw new Error('the candidacy was not made');
  return { name, campaigns, candidacy, [Symbol.asyncDispose]: () => campaigns.close() };
}
