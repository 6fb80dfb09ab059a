/**
 * How a call goes after the leader when the one that should lead says no, or is not to be reached.
 * Decides where it goes next: at once to a leader that became known meanwhile, forward only, each once,
 * within the bound on redirects; else, after a back-off, to whoever the nodes name then.
 */
import { isSameChange } from '@herald/core';
import { Backoff } from './backoff.ts';
import { sleep } from './clock.ts';
import type { KnownRecord } from './known-record.ts';
import { abort, newAbort } from './on-abort.ts';
import type { ClientParts } from './parts.ts';
import type { PendingCall } from './pending-call.ts';
import type { Refresher } from './refresher.ts';
import { shortfall } from './requirement.ts';
import { clientLimits, endpointTuning } from './tuning.ts';
import { VisitedTargets } from './visited.ts';

/** What became of one try. */
export type Step<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  /** Another change became known: go there. */
  | { readonly kind: 'moved' }
  /**
   * Not before `retryAfterMs`: as far as the back-off allows it when it is only a guess of when there is
   * news, in full when it is the push-back of somebody who has too much to do.
   */
  | { readonly kind: 'try-later'; readonly retryAfterMs: number; readonly isPushback: boolean };

export interface Pursuit<Result> {
  /** Where a try for `known` goes; `undefined` when there is nowhere to go. */
  readonly targetOf: (known: KnownRecord) => string | undefined;
  readonly attempt: (known: KnownRecord) => Promise<Step<Result>>;
}

/** @returns `undefined` when the call ended first. */
export async function pursue<Result>(
  parts: ClientParts,
  refresher: Refresher,
  call: PendingCall,
  first: KnownRecord,
  pursuit: Pursuit<Result>,
): Promise<{ readonly result: Result } | undefined> {
  const { keeper } = parts;
  let visited: VisitedTargets | undefined;
  let backoff: Backoff | undefined;
  let known: KnownRecord | undefined = first;
  while (known !== undefined && call.endReason === undefined) {
    const step = await pursuit.attempt(known);
    if (step.kind === 'done') return step;
    // Made on demand: most calls need none.
    visited ??= new VisitedTargets();
    const target = pursuit.targetOf(known);
    if (target !== undefined) visited.add(target, known.sealed.record.version);
    const next = step.kind === 'moved' && keeper.known && pursuit.targetOf(keeper.known);
    if (typeof next === 'string' && mayFollow(parts, call, visited, next)) {
      known = keeper.known;
      continue;
    }
    backoff ??= newBackoff(parts);
    await pauseForNews(parts, pauseMs(parts, backoff, step), known, call);
    known = await refresher.wait(call);
    if (known !== undefined) call.log.retries++;
  }
  return undefined;
}

function newBackoff({ delays, random }: ClientParts): Backoff {
  return new Backoff({ baseMs: delays.backoffBaseMs, capMs: delays.backoffCapMs, random });
}

function pauseMs({ delays }: ClientParts, backoff: Backoff, step: Step<unknown>): number {
  const ownMs = backoff.nextMs();
  if (step.kind !== 'try-later') return ownMs;
  const capMs = step.isPushback ? endpointTuning.ejectCapMs : delays.backoffCapMs;
  return Math.max(ownMs, Math.min(step.retryAfterMs, capMs));
}

/** Waits for `delayMs`, or less when another change than `known` is heard of. */
async function pauseForNews(
  { clock, keeper }: ClientParts,
  delayMs: number,
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
  await sleep(clock, delayMs, news.signal);
  stopWatching();
  stopListening();
}

/** Where the newest record leads at once: nobody was asked about it yet. */
function mayFollow(
  { clock, counters, keeper }: ClientParts,
  call: PendingCall,
  visited: VisitedTargets,
  target: string,
): boolean {
  const { known } = keeper;
  if (shortfall(known, call.requirement, clock.nowMs()) !== undefined) return false;
  const version = known?.sealed.record.version;
  if (call.log.redirects >= clientLimits.redirectsMax || visited.has(target, version)) return false;
  call.log.redirects++;
  counters.redirects++;
  return true;
}
