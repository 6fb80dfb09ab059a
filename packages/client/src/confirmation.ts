/**
 * `verify`: decides when a leader counts as verified. The elector beside it is asked; its "I lead" is
 * the only yes. A no with a newer record is followed forward; a no with an older hint means that the
 * elector itself is behind. Everything else is asked again after a back-off, until a newer record is
 * known or the call ends.
 */
import type { Address } from '@herald/core';
import { isSameChange } from '@herald/core';
import type { ConfirmResponse } from '@herald/wire';
import { attempt } from './attempt-call.ts';
import type { Discovery } from './discovery.ts';
import { HeraldClientError } from './errors.ts';
import { transitMs } from './known-record.ts';
import type { KnownRecord } from './known-record.ts';
import type { ClientParts } from './parts.ts';
import type { PendingCall } from './pending-call.ts';
import { pursue } from './pursuit.ts';
import type { Step } from './pursuit.ts';
import type { Refresher } from './refresher.ts';
import { shortfall } from './requirement.ts';

/** The leader, as confirmed by its elector. */
export interface Confirmed {
  readonly known: KnownRecord;
  /** How long the elector can lead without another renewal, as far as can be known here. */
  readonly leadingForMs: number;
}

/** @returns `undefined` when the call ended first. */
export async function confirmLeader(
  parts: ClientParts,
  refresher: Refresher,
  discovery: Discovery,
  call: PendingCall,
  first: KnownRecord,
): Promise<Confirmed | undefined> {
  const found = await pursue(parts, refresher, call, first, {
    targetOf: electorOf,
    attempt: async (known) => {
      const elector = electorOf(known) ?? refuseForeign(known, call);
      if (await discovery.mayAsk(elector, known.source.endpoint)) {
        return askElector(parts, call, known, elector);
      }
      call.log.add({ endpoint: elector, what: 'confirm', durationMs: 0, outcome: 'not-listed' });
      return { kind: 'try-later', retryAfterMs: 0, isPushback: false };
    },
  });
  return found?.result;
}

async function askElector(
  parts: ClientParts,
  call: PendingCall,
  known: KnownRecord,
  endpoint: Address,
): Promise<Step<Confirmed>> {
  const { clock, counters, delays, election, keeper, transport } = parts;
  const version = { ...known.sealed.record.version, renewal: 0 };
  counters.confirms++;
  const result = await attempt({
    clock,
    endpoint,
    what: 'confirm',
    timeoutMs: delays.attemptTimeoutMs,
    signal: call.signal,
    log: call.log,
    ask: (options) => transport.confirm(endpoint, { election, version }, options),
    judge: ({ leading }) => (leading ? 'leading' : 'not-leading'),
  });
  if (result.kind === 'failed') {
    const { retryAfterMs } = result.error;
    return { kind: 'try-later', retryAfterMs, isPushback: retryAfterMs > 0 };
  }
  const { answer, roundTripMs } = result;
  adopt(parts, endpoint, answer, roundTripMs);
  const newest = keeper.known ?? known;
  const { record } = newest.sealed;
  const isMoved = !isSameChange(record.version, known.sealed.record.version);
  const best = answer.best.carried?.sealed.record.version;
  const isAboutNewest = best !== undefined && isSameChange(best, record.version);
  const leadingForMs = answer.leadingForMs - roundTripMs;
  const isEnough = shortfall(newest, call.requirement, clock.nowMs()) === undefined;
  if (answer.leading && isAboutNewest && isEnough && leadingForMs > 0) {
    return { kind: 'done', result: { known: newest, leadingForMs } };
  }
  if (isMoved) return { kind: 'moved' };
  return { kind: 'try-later', retryAfterMs: answer.retryAfterMs, isPushback: false };
}

function adopt(
  parts: ClientParts,
  endpoint: Address,
  answer: ConfirmResponse,
  roundTripMs: number,
): void {
  const { carried } = answer.best;
  if (carried?.sealed.record.election !== parts.election) return;
  parts.keeper.observe({
    carried,
    receivedAtMs: parts.clock.nowMs(),
    transitMs: transitMs(roundTripMs, 0),
    source: { endpoint, nodeId: answer.electorId, via: 'confirm' },
  });
}

export function electorOf(known: KnownRecord): Address | undefined {
  const { record } = known.sealed;
  return record.kind === 'leader' ? record.leader.electorAddress : undefined;
}

/** Nobody speaks for a leader that is not Herald's; to wait would not change that. */
function refuseForeign(known: KnownRecord, call: PendingCall): never {
  const { record } = known.sealed;
  const id = record.kind === 'leader' ? record.leader.id : 'nobody';
  const { attempts, redirects, retries } = call.log;
  throw new HeraldClientError(
    'REJECTED',
    `${id} leads ${record.election}, but cannot be verified: it is no elector of Herald, so that ` +
      `nobody answers for it; call without verify, or let an elector campaign for it`,
    { attempts, redirects, retries },
  );
}
