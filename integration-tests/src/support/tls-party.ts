/** Parties of a cluster with certificates, in the test's own process: keepers, members, callers. */
import { credentials } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import type { CertificateAuthority, CertificateRequest } from '@herald/authority';
import { parseClusterName, parseElectionName, parseNodeId } from '@herald/core';
import type { ClusterName, Role } from '@herald/core';
import { createMember, nodeServiceHandlers } from '@herald/member';
import type { Member, MemberLogger, MemberOptions } from '@herald/member';
import {
  addElectorService,
  addNodeService,
  channelOptions,
  ElectorClient,
  NodeClient,
  TlsKeeper,
} from '@herald/wire';
import type { ElectorHandlers, LeaderAnswer, PeerRole, TlsMaterial } from '@herald/wire';

export const tlsCluster: ClusterName = parseClusterName('tls-tests');

export function uriOf(role: PeerRole, name?: string, cluster: string = tlsCluster): string {
  return `herald://${cluster}/${role}${name === undefined ? '' : `/${name}`}`;
}

export async function materialOf(
  authority: CertificateAuthority,
  request: CertificateRequest | string,
): Promise<TlsMaterial> {
  const wanted = typeof request === 'string' ? { uris: [request] } : request;
  return { ca: authority.ca, ...(await authority.issue(wanted)) };
}

export async function keeperOf(
  authority: CertificateAuthority,
  role: PeerRole,
  name?: string,
): Promise<TlsKeeper> {
  return new TlsKeeper(await materialOf(authority, uriOf(role, name)));
}

/** A log that keeps what it was told, for tests to look at. */
export class KeptLog implements MemberLogger {
  readonly lines: string[] = [];
  readonly debug = (): void => undefined;
  readonly info = (): void => undefined;
  readonly warn = (fields: object, message: string): void => {
    this.lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  readonly error = this.warn;
}

/** A quick member on loopback that answers questions, and lets itself be asked to step down. */
export async function startMember(
  nodeId: string,
  role: Role,
  tls: TlsKeeper | undefined,
  options: Partial<MemberOptions> = {},
): Promise<Member> {
  const started: { member?: Member } = {};
  started.member = await createMember({
    ...{ cluster: tlsCluster, nodeId: parseNodeId(nodeId), role, tls, seeds: [] },
    listen: { host: '127.0.0.1', port: 0 },
    tuning: { roundMs: 100, redialMs: 20, redialMsMax: 200, isolationMs: 200 },
    addServices: (server) => {
      addNodeService(
        server,
        nodeServiceHandlers(() => started.member),
      );
      addElectorService(server, neverLeading(nodeId));
    },
    ...options,
  });
  return started.member;
}

/** An elector's service that answers whoever gets as far as it. */
function neverLeading(name: string): ElectorHandlers {
  const electorId = parseNodeId(name);
  const best: LeaderAnswer = {
    ...{ status: 'unknown', carried: undefined, validForMs: 0, behind: false, ask: [] },
    nodeId: electorId,
  };
  return {
    confirm: (_call, callback) => {
      callback(null, { leading: false, leadingForMs: 0, best, retryAfterMs: 0, electorId });
    },
    status: (_call, callback) => {
      callback(null, { electorId, elections: [] });
    },
    stepDown: (_call, callback) => {
      callback(null, { steppedDown: false, epoch: 0n });
    },
  };
}

/** Channel credentials that check nothing of the server: for callers that are up to no good. */
export function unchecked(material: TlsMaterial, own = true): ChannelCredentials {
  const [key, cert] = own ? [Buffer.from(material.key), Buffer.from(material.cert)] : [null, null];
  return credentials.createSsl(Buffer.from(material.ca), key, cert, {
    checkServerIdentity: () => undefined,
  });
}

/** Asks one question and tells what became of it: `ok`, or the code and the details of the error. */
export function ask(
  address: string,
  channel: ChannelCredentials,
  method: 'listMembers' | 'stepDown' | 'status' | 'confirm' = 'listMembers',
): Promise<string> {
  const options = { ...channelOptions.query, 'grpc.use_local_subchannel_pool': 1 };
  const node = new NodeClient(address, channel, options);
  const elector = new ElectorClient(address, channel, options);
  return new Promise((resolve) => {
    const done = (error: { readonly message: string } | null): void => {
      node.close();
      elector.close();
      resolve(error === null ? 'ok' : error.message);
    };
    const election = parseElectionName('payments');
    if (method === 'listMembers') node.listMembers({}, done);
    else if (method === 'status') elector.status({ election: undefined }, done);
    else if (method === 'confirm') elector.confirm({ election, version: undefined }, done);
    else elector.stepDown({ election, reason: 'test' }, done);
  });
}
