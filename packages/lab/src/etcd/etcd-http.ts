/**
 * Asks an etcd how it is, over its HTTP gateway: dependency-free, so that the set-up can ask before
 * anything else is proven, and on a connection of its own that is closed after each answer, so that
 * asking does not show up in a count of etcd's client connections.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

import { LabError } from '../lab-error.ts';

/** Bound on one question to etcd: a healthy one on loopback answers in milliseconds. */
export const QUESTION_TIMEOUT_MS = 2_000;

/** An answer is a line of JSON; what is longer is not etcd. */
const ANSWER_BYTES_MAX = 64 * 1024;

export interface QuestionOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface EtcdStatus {
  readonly memberId: string;
  /** Member id of the Raft leader as this member sees it; '0' when it sees none. */
  readonly raftLeaderId: string;
  readonly version: string;
}

/** The server's version, e.g. "3.4.23". Answered even without a quorum. */
export async function readVersion(endpoint: string, options?: QuestionOptions): Promise<string> {
  const answer = await ask(endpoint, 'GET', '/version', options);
  return stringField(answer, 'etcdserver', endpoint);
}

/**
 * Reads a key linearizably. That it answers is the proof that matters: this member serves clients and
 * knows a leader that a quorum follows. The same request in etcd 3.4, 3.5 and 3.6 (their /health differs).
 */
export async function readLinearizably(endpoint: string, options?: QuestionOptions): Promise<void> {
  await ask(endpoint, 'POST', '/v3/kv/range', options, { key: 'AA==', count_only: true });
}

/** What the member says of itself; `raftLeaderId` tells which member leads the Raft group. */
export async function readStatus(endpoint: string, options?: QuestionOptions): Promise<EtcdStatus> {
  const answer = await ask(endpoint, 'POST', '/v3/maintenance/status', options, {});
  return {
    memberId: stringField(answer['header'], 'member_id', endpoint),
    // proto3 JSON leaves out a zero.
    raftLeaderId: 'leader' in answer ? stringField(answer, 'leader', endpoint) : '0',
    version: stringField(answer, 'version', endpoint),
  };
}

function stringField(value: unknown, field: string, endpoint: string): string {
  const found =
    typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)[field]
      : undefined;
  if (typeof found === 'string') return found;
  throw new LabError('etcd-failed', `${endpoint} answered, but not as etcd does (no "${field}")`);
}

async function ask(
  endpoint: string,
  method: 'GET' | 'POST',
  path: string,
  { timeoutMs = QUESTION_TIMEOUT_MS, signal }: QuestionOptions = {},
  body?: object,
): Promise<Record<string, unknown>> {
  signal?.throwIfAborted();
  const deadline = AbortSignal.timeout(timeoutMs);
  const url = new URL(path, endpoint);
  try {
    const both = signal ? AbortSignal.any([signal, deadline]) : deadline;
    return parseObject(await exchange(url, method, body, both));
  } catch (error) {
    signal?.throwIfAborted();
    const reason = deadline.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error);
    throw new LabError('etcd-failed', `${url.href}: ${reason}`, { cause: error });
  }
}

function exchange(
  url: URL,
  method: string,
  body: object | undefined,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    // `agent: false`: a connection of its own, closed with the answer.
    const sent = request(url, { method, agent: false, signal }, (response) => {
      const chunks: Buffer[] = [];
      let received = 0;
      response.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received > ANSWER_BYTES_MAX) response.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`status ${String(response.statusCode)}: ${text.trim()}`));
      });
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function parseObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new Error('the answer is not a JSON object');
}

/** A refused connection to a name with several addresses is an AggregateError without a message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(reasonOf).join('; ');
  }
  return error instanceof Error ? error.message : String(error);
}
