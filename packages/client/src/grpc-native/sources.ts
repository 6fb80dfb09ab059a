/**
 * Where a channel gets its Herald client from. Decides who owns it: a client that the user gave is only
 * borrowed; one that a target asks for is made for the first channel, shared by all channels of the
 * same nodes and election, and closed with the last.
 */
import type { Client } from '../client.ts';
import type { ClientOptions } from '../client-options.ts';
import { createClient } from '../create-client.ts';
import { HeraldClientError } from '../errors.ts';
import { checkSecurityChosen } from '../grpc/grpc-security.ts';
import { heraldTarget } from './target.ts';
import type { HeraldTarget } from './target.ts';

/** A client for as long as it is needed; `giveBack` must follow, once. */
export interface Loan {
  readonly client: Client;
  readonly giveBack: () => void;
}

export interface ClientSource {
  borrow(): Loan;
  /** The client, if there is one now; nothing is made. */
  peek(): Client | undefined;
}

/** The client of a user, who also closes it. */
export function givenClient(client: Client): ClientSource {
  return { borrow: () => ({ client, giveBack: () => undefined }), peek: () => client };
}

/** Options of the clients that are made for targets; nodes and election come from the target. */
export type SharedClientOptions = Omit<ClientOptions, 'seeds' | 'election'>;

interface Shared {
  readonly client: Client;
  borrowers: number;
}

/** Clients by target, in the process; their number is that of the targets in use. */
const shared = new Map<string, Shared>();

/**
 * The client of all channels with this target. The options are those of whoever comes first.
 *
 * @throws HeraldClientError `INVALID_ARGUMENT` when the target has no nodes, or it was not said how they are asked.
 */
export function sharedClient(
  { election, nodes }: HeraldTarget,
  options: SharedClientOptions = {},
): ClientSource {
  const key = heraldTarget(election, [...nodes].sort());
  if (nodes.length === 0) {
    throw new HeraldClientError(
      'INVALID_ARGUMENT',
      `${key} names no nodes to ask: write ${heraldTarget(election, ['10.0.0.1:7400'])}, give nodes ` +
        'to registerHeraldResolver, or take the options of the channel from leaderChannelOptions(client)',
    );
  }
  if (options.transport === undefined) checkSecurityChosen(options);
  return {
    borrow: () => {
      const entry = shared.get(key) ?? {
        client: createClient({ ...options, seeds: nodes, election }),
        borrowers: 0,
      };
      shared.set(key, entry);
      entry.borrowers++;
      return {
        client: entry.client,
        giveBack: () => {
          entry.borrowers--;
          if (entry.borrowers > 0) return;
          shared.delete(key);
          void entry.client.close();
        },
      };
    },
    peek: () => shared.get(key)?.client,
  };
}
