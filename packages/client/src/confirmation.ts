/**
 * `verify`: decides when a leader counts as verified. The elector beside it is asked; its "I lead" is
 * the only yes. A no with a newer record is followed forward, within the bound on redirects; a no
 * with an older hint means that the elector itself is behind. Everything else is asked again after a
 * back-off, until a newer record is known or the call ends.
 */
import type { Address } from '@herald/core';
import { isSameChange } from '@herald/core';
import type { ConfirmResponse } from '@herald/wire';
import { attempt } from './attempt-call.ts';
import { Backoff } from './backoff.ts';
import { sleep } from './clock.ts';
import { HeraldClientError } from './errors.ts';
import { transitMs } from './known-record.ts';
import type { KnownRecord } from './known-record.ts';
import { abort, newAbort } from './on-abort.ts';
import type { ClientParts } from './parts.ts';
import type { PendingCall } from './pending-call.ts';
import type { Refresher } from './refresher.ts';
import { shortfall } from './requirement.ts';
import { clientLimits } from './tuning.ts';
import { VisitedTargets } from './visited.ts';

/** The leader, as confirmed by its elector. */
export interface Confirmed {
  readonly known: KnownRecord;
  /** How long the elector can lead without another renewal, as far as can be known here. */
  readonly leadingForMs: number;
}

type Judgement =
  | { readonly kind: 'confirmed'; readonly confirmed: Confirmed }
  /** Another record became known: ask there. */
  | { readonly kind: 'moved' }
  | { readonly kind: 'try-later'; readonly retryAfterMs: number };

/** @returns `undefined` when the call ended first. */
export async function confirmLeader(
  parts: ClientParts,
  refresher: Refresher,
  call: PendingCall,
  first: KnownRecord,
): Promise<Confirmed | undefined> {
  const { delays, keeper, random } = parts;
  const backoff = new Backoff({
    baseMs: delays.backoffBaseMs,
    capMs: delays.backoffCapMs,
    random,
  });
  const visited = new VisitedTargets();
  let known: KnownRecord | undefined = first;
  while (known !== undefined && call.endReason === undefined) {
    const elector = electorOf(known) ?? refuseForeign(known, call);
    visited.add(elector, known.sealed.record.version);
    const judgement = await askElector(parts, call, known, elector);
    if (judgement.kind === 'confirmed') return judgement.confirmed;
    const target = judgement.kind === 'moved' ? electorOf(keeper.known) : undefined;
    if (target !== undefined && mayFollow(parts, call, visited, target)) {
      known = keeper.known;
      continue;
    }
    const pauseMs = Math.max(
      backoff.nextMs(),
      judgement.kind === 'try-later' ? Math.min(judgement.retryAfterMs, delays.backoffCapMs) : 0,
    );
    await pauseForNews(parts, pauseMs, known, call);
    known = await refresher.wait(call);
    if (known !== undefined) call.log.retries++;
  }
  return undefined;
}

/** Waits for `pauseMs`, or less when another change than `known` is heard of. */
async function pauseForNews(
  { clock, keeper }: ClientParts,
  pauseMs: number,
  known: KnownRecord,
  call: PendingCall,
): Promise<void> {
  const news = newAbort();
  const stopWatching = keeper.onAdopted(() => {
    const newest = keeper.known?.sealed.record.version;
    const isNews = newest !== undefined && !isSameChange(newest, known.sealed.record.version);
    if (isNews) abort(news);
  });
  const stopListening = call.onEnd(() => {
    abort(news);
  });
  await sleep(clock, pauseMs, news.signal);
  stopWatching();
  stopListening();
}

async function askElector(
  parts: ClientParts,
  call: PendingCall,
  known: KnownRecord,
  endpoint: Address,
): Promise<Judgement> {
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
  if (result.kind === 'failed') return { kind: 'try-later', retryAfterMs: 0 };
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
    return { kind: 'confirmed', confirmed: { known: newest, leadingForMs } };
  }
  return isMoved ? { kind: 'moved' } : { kind: 'try-later', retryAfterMs: answer.retryAfterMs };
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

/** Where the newest record leads at once: its elector was not asked about it yet. */
function mayFollow(
  parts: ClientParts,
  call: PendingCall,
  visited: VisitedTargets,
  target: Address,
): boolean {
  const { clock, counters, keeper } = parts;
  const { known } = keeper;
  if (shortfall(known, call.requirement, clock.nowMs()) !== undefined) return false;
  const version = known?.sealed.record.version;
  if (call.log.redirects >= clientLimits.redirectsMax || visited.has(target, version)) return false;
  call.log.redirects++;
  counters.redirects++;
  return true;
}

function electorOf(known: KnownRecord | undefined): Address | undefined {
  const record = known?.sealed.record;
  return record?.kind === 'leader' ? record.leader.electorAddress : undefined;
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
