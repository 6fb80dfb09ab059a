/**
 * All customers, in one process. Decides who is patient: half of them wait for longer than any failover takes,
 * and must get their ticket; the others are hasty, and leave in the middle of one. Their draws are what a leader
 * that was paused still holds when its successor has long been selling: nobody repeats them.
 */
import { setMaxListeners } from 'node:events';
import { parseArgs } from 'node:util';
import { createGrpcTransport, createTrustSet } from '@herald/client';
import { seededRandom } from '@herald/core';
import { tell } from '../protocol/messages.ts';
import type { FailedDraw, GoHome, Purchase } from '../protocol/messages.ts';
import { readSecurity, securityFlags } from '../protocol/security.ts';
import { Counters, Customer } from './customer.ts';
import type { CustomerOptions } from './customer.ts';

/** How often those who watch are told what was bought. */
const tellEveryMs = 100;
const hastyEach = 2;

const { values } = parseArgs({
  options: {
    customers: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    join: { type: 'string', multiple: true, default: ['127.0.0.1:7400'] },
    cluster: { type: 'string', default: 'ticket-office' },
    election: { type: 'string', default: 'tickets' },
    'patient-ms': { type: 'string', default: '8000' },
    'hasty-ms': { type: 'string', default: '1000' },
    ...securityFlags,
  },
});

/** Shared by all customers, who are one program: fifty handshakes at once would only keep this machine busy. */
const herald = heraldOf();

function heraldOf(): CustomerOptions['herald'] {
  const texts = readSecurity(values);
  if (texts === undefined) return { transport: createGrpcTransport({ insecure: true }) };
  const { tls, trustedKeys } = texts;
  return {
    transport: createGrpcTransport({ tls }),
    trustedKeys: createTrustSet({ cluster: values.cluster, trustedKeys }),
  };
}

let purchases: Purchase[] = [];
let failures: FailedDraw[] = [];

function tellAll(kind: 'draws' | 'gone-home'): void {
  if (kind === 'draws' && purchases.length + failures.length === 0) return;
  tell({ kind, purchases, failures });
  purchases = [];
  failures = [];
}

using counters = new Counters();
const closing = new AbortController();
// All of them wait with it between two draws.
setMaxListeners(Number(values.customers), closing.signal);
process.on('message', (_message: GoHome) => {
  closing.abort();
});

const customers = Array.from({ length: Number(values.customers) }, (_, index) => {
  const isHasty = index % hastyEach === hastyEach - 1;
  return new Customer({
    name: `${isHasty ? 'hasty' : 'patient'}-${String(index + 1)}`,
    seeds: values.join,
    election: values.election,
    herald,
    timeoutMs: Number(values[isHasty ? 'hasty-ms' : 'patient-ms']),
    random: seededRandom(Number(values.seed) + index),
    counters,
    onPurchase: (purchase) => purchases.push(purchase),
    onFailure: (failure) => failures.push(failure),
  });
});
const telling = setInterval(() => {
  tellAll('draws');
}, tellEveryMs);
await Promise.all(customers.map((customer) => customer.drawUntil(closing.signal)));
clearInterval(telling);
tellAll('gone-home');
await Promise.all(customers.map((customer) => customer[Symbol.asyncDispose]()));
process.disconnect();
