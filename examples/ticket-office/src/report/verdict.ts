/**
 * Decides whether the office kept its word, from two sides that know nothing of each other: the log that the
 * store wrote, and what the customers were told.
 */
import { compareTokens } from '@herald/elector';
import { counted, formatMs, rounded, spreadOf } from '@herald/lab';
import type { Finding } from '@herald/lab';
import type { Recovery } from '../chaos/chaos.ts';
import type { Cause } from '../chaos/troubles.ts';
import type { FailedDraw, Purchase } from '../protocol/messages.ts';
import type { SoldTicket } from '../store/ticket-log.ts';

/** Of what broke a promise, as many are named. */
const namedMax = 3;

export interface Evidence {
  /** In the order in which they were written down. */
  readonly tickets: readonly SoldTicket[];
  readonly purchases: readonly Purchase[];
  readonly failures: readonly FailedDraw[];
  readonly recoveries: readonly Recovery[];
  /** A draw that may take as long as this must come off. */
  readonly patientMs: number;
}

export function judge(evidence: Evidence): readonly Finding[] {
  return [
    soldOnce(evidence),
    requestsOnce(evidence),
    nothingLost(evidence),
    inOrder(evidence),
    patientServed(evidence),
    failuresTyped(evidence),
    leadersFell(evidence),
  ];
}

function soldOnce({ tickets }: Evidence): Finding {
  const twice = repeated(tickets, ({ number }) => number);
  const named = twice.map(
    ([first, second]) =>
      `number ${String(first.number)} under epoch ${String(first.epoch)} to ${first.customer} and ` +
      `under epoch ${String(second.epoch)} to ${second.customer}`,
  );
  return finding(
    'no number sold twice',
    named,
    `${counted(tickets.length, 'ticket')} in the log, each with a number of its own`,
  );
}

function requestsOnce({ tickets }: Evidence): Finding {
  const twice = repeated(tickets, ({ requestId }) => requestId);
  const named = twice.map(
    ([first, second]) =>
      `request ${first.requestId} was sold ${String(first.number)} and ${String(second.number)}`,
  );
  return finding('no request sold twice', named, 'repeated requests were sold what they had');
}

function nothingLost({ tickets, purchases }: Evidence): Finding {
  const inLog = new Map(tickets.map((ticket) => [ticket.requestId, ticket]));
  const lost = purchases.filter(({ requestId, number }) => inLog.get(requestId)?.number !== number);
  const named = lost.map(
    ({ requestId, number }) => `number ${String(number)} of request ${requestId}`,
  );
  return finding(
    'nothing lost',
    named,
    `${counted(purchases.length, 'ticket')} in customers' hands, all of them in the log`,
  );
}

function inOrder({ tickets }: Evidence): Finding {
  const late = tickets.flatMap((ticket, index) => {
    const before = tickets[index - 1];
    return before !== undefined && compareTokens(ticket, before) < 0
      ? [`epoch ${String(ticket.epoch)} wrote after epoch ${String(before.epoch)}`]
      : [];
  });
  const epochs = new Set(tickets.map(({ epoch }) => epoch)).size;
  return finding(
    'no leader wrote late',
    late,
    `${counted(epochs, 'leadership')} wrote, one after the other`,
  );
}

function patientServed({ failures, purchases, patientMs }: Evidence): Finding {
  const isPatient = ({ timeoutMs }: { readonly timeoutMs: number }): boolean =>
    timeoutMs >= patientMs;
  const named = failures
    .filter(isPatient)
    .map(({ customer, code, message }) => `${customer}: ${code ?? 'untyped'}: ${message}`);
  const served = purchases.filter(isPatient);
  const longestMs = Math.max(0, ...served.map(({ startMs, endMs }) => endMs - startMs));
  const seen =
    `${counted(served.length, 'draw')} by customers who wait ${formatMs(patientMs)}; ` +
    `the longest took ${formatMs(longestMs)}`;
  return finding('the patient are served', named, seen, served.length > 0);
}

function failuresTyped({ failures }: Evidence): Finding {
  const untyped = failures.filter(({ code }) => code === undefined);
  const named = untyped.map(({ customer, message }) => `${customer}: ${message}`);
  const seen =
    failures.length === 0
      ? 'no draw failed'
      : `the hasty left without a ticket ${counted(failures.length, 'time')}: ` +
        Object.entries(countByCode(failures))
          .map(([code, count]) => `${String(count)} × ${code}`)
          .join(', ');
  return finding('failures are typed', named, seen);
}

/** A run in which nothing happened proves nothing. */
function leadersFell({ recoveries }: Evidence): Finding {
  const spread = spreadOf(recoveries.map(({ unservedMs }) => unservedMs));
  const held = spread !== undefined;
  const seen = held
    ? `${counted(recoveries.length, 'leader')} fell; nobody was served for ${formatMs(spread.p50Ms)} ` +
      `each time (median), ${formatMs(spread.maxMs)} at most`
    : 'none fell, so that this run proves nothing: let it take longer';
  return { promise: 'each fall is survived', held, seen };
}

/** How many failures there were of each code. */
export function countByCode(failures: readonly FailedDraw[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { code = 'untyped' } of failures) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

export interface CauseReport {
  readonly strikes: number;
  /** How long no customer was handed a ticket. */
  readonly medianMs: number;
  readonly maxMs: number;
}

/** Those that befell nobody are missing. */
export type CauseReports = Readonly<Partial<Record<Cause, CauseReport>>>;

export function byCause(recoveries: readonly Recovery[]): CauseReports {
  const times: Partial<Record<Cause, number[]>> = {};
  for (const { cause, unservedMs } of recoveries) (times[cause] ??= []).push(unservedMs);
  return Object.fromEntries(
    Object.entries(times).map(([cause, timesMs]) => {
      const { p50Ms, maxMs } = spreadOf(timesMs) ?? { p50Ms: 0, maxMs: 0 };
      return [
        cause,
        { strikes: timesMs.length, medianMs: rounded(p50Ms, 0), maxMs: rounded(maxMs, 0) },
      ];
    }),
  );
}

function finding(
  promise: string,
  broken: readonly string[],
  seen: string,
  holdsOtherwise = true,
): Finding {
  if (broken.length === 0) return { promise, held: holdsOtherwise, seen };
  const more = broken.length - namedMax;
  const named = broken.slice(0, namedMax).join('; ');
  return { promise, held: false, seen: more > 0 ? `${named}; and ${String(more)} more` : named };
}

/** Those whose key was there before, each with the first of that key. */
function repeated<T>(
  items: readonly T[],
  keyOf: (item: T) => unknown,
): readonly (readonly [T, T])[] {
  const first = new Map<unknown, T>();
  const pairs: (readonly [T, T])[] = [];
  for (const item of items) {
    const before = first.get(keyOf(item));
    if (before === undefined) first.set(keyOf(item), item);
    else pairs.push([before, item]);
  }
  return pairs;
}
