/**
 * One replica of the ticket office, as any service that uses Herald: an elector in the same process, its
 * guard before the server, and the leadership's token on every write. Decides what a caller is told when a
 * sale does not come off.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Server, status } from '@grpc/grpc-js';
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { parseAddress, parseClusterName, parseElectionName, parseNodeId } from '@herald/core';
import type { ClusterName } from '@herald/core';
import {
  createElector,
  createRecordSigner,
  createTrustSet,
  leaderGuard,
  notLeaderStatus,
  TlsKeeper,
} from '@herald/elector';
import { tell } from '../protocol/messages.ts';
import { readSecurity, readText, securityFlags } from '../protocol/security.ts';
import { asked, listen } from '../protocol/serve.ts';
import { ticketsService, toTokenMessage } from '../protocol/services.ts';
import type { DrawRequest, TicketMessage } from '../protocol/services.ts';
import { OvertakenError, StoreClient } from './store-client.ts';
import { TicketDesk } from './ticket-desk.ts';

const { values } = parseArgs({
  options: {
    id: { type: 'string', default: 'replica-1' },
    cluster: { type: 'string', default: 'ticket-office' },
    election: { type: 'string', default: 'tickets' },
    prefix: { type: 'string', default: 'herald/elections' },
    'ttl-seconds': { type: 'string', default: '3' },
    etcd: { type: 'string', multiple: true, default: ['http://127.0.0.1:2379'] },
    join: { type: 'string', multiple: true, default: [] },
    'elector-listen': { type: 'string', default: '127.0.0.1:7400' },
    listen: { type: 'string', default: '127.0.0.1:7410' },
    address: { type: 'string', default: '127.0.0.1:7410' },
    store: { type: 'string', default: '127.0.0.1:7500' },
    'print-ms': { type: 'string', default: '200' },
    'signing-key': { type: 'string', default: '' },
    ...securityFlags,
  },
});
/** How often it looks where it stands, for those who watch the example. */
const standingPollMs = 20;
const host = '127.0.0.1';

/** What it proves itself with, whom it believes, and by what others believe it. */
function securityOf(cluster: ClusterName) {
  const texts = readSecurity(values);
  if (texts === undefined) return { insecure: true };
  const { tls, trustedKeys } = texts;
  return {
    tls: new TlsKeeper(tls),
    trust: createTrustSet({ cluster, trustedKeys }),
    signer: createRecordSigner({ cluster, signingKey: readText(values['signing-key']) }),
  };
}

const electionName = parseElectionName(values.election);
const cluster = parseClusterName(values.cluster);
const elector = await createElector({
  ...securityOf(cluster),
  cluster,
  id: parseNodeId(values.id),
  listen: { host, port: Number(values['elector-listen'].split(':').at(-1)) },
  join: values.join.map((address) => parseAddress(address)),
  elections: [{ name: electionName, address: values.address }],
  etcd: { endpoints: values.etcd },
  prefix: values.prefix,
  ttlSeconds: Number(values['ttl-seconds']),
});
const candidacy = elector.election(electionName);
const guard = leaderGuard(elector, electionName);
using store = new StoreClient(values.store);
const desk = new TicketDesk(store, () => delay(Number(values['print-ms'])));

async function sell(request: DrawRequest, answer: sendUnaryData<TicketMessage>): Promise<void> {
  const leadership = guard.leadership();
  try {
    if (leadership === undefined) throw new OvertakenError('the leadership has just ended');
    const ticket = await desk.sell(leadership, request);
    answer(null, { ...toTokenMessage(ticket), number: ticket.number });
  } catch (error) {
    answer(refusal(error));
  }
}

/**
 * NOT_LEADER is said only of what was not done. The fence's refusal proves that, so that the caller may go on
 * to the next leader; what the store has not answered is UNAVAILABLE, as with any connection that broke.
 */
function refusal(error: unknown): Parameters<sendUnaryData<never>>[0] {
  if (error instanceof OvertakenError) {
    const notLeader = guard.check() ?? {
      election: electionName,
      known: undefined,
      retryAfterMs: 100,
    };
    return notLeaderStatus(notLeader);
  }
  const details = error instanceof Error ? error.message : String(error);
  return { code: status.UNAVAILABLE, details: `the store did not answer: ${details}` };
}

const server = new Server({ interceptors: [guard.interceptor()] });
server.addService(ticketsService, {
  Draw: (
    { request }: ServerUnaryCall<DrawRequest, TicketMessage>,
    answer: sendUnaryData<TicketMessage>,
  ) => {
    void sell(request, answer);
  },
});
await listen(server, values.listen);
tell({ kind: 'ready', electorAddress: elector.address });

let told = '';
const standing = setInterval(() => {
  const { state, epoch } = candidacy;
  if (told === `${state} ${epoch}`) return;
  told = `${state} ${epoch}`;
  tell({ kind: 'standing', state, epoch: String(epoch) });
}, standingPollMs);

await asked();
clearInterval(standing);
await elector.close();
server.forceShutdown();
