/**
 * `@herald/client/opentelemetry`: the client's hooks as spans and measurements. Decides their names and
 * attributes. An entry of its own, so that nobody needs `@opentelemetry/api` who does not use it.
 *
 * A span for each call that waits (what is answered from the cache is none), with an event for each of
 * its attempts; the work of `withLeader` runs within its span. Metrics have no attribute that grows with
 * the fleet: neither endpoints nor epochs.
 */
import { SpanKind, SpanStatusCode, context, metrics, trace } from '@opentelemetry/api';
import type { Attributes, Meter, Span, Tracer } from '@opentelemetry/api';
import type { Attempt } from './attempts.ts';
import { HeraldClientError } from './errors.ts';
import type { CallEnd, CallObserver, CallStart, ClientHooks } from './hooks.ts';

export interface OpenTelemetryOptions {
  /** That of the global provider unless given. */
  readonly tracer?: Tracer;
  /** That of the global provider unless given. */
  readonly meter?: Meter;
}

const scope = '@herald/client';

/** For `createClient({ hooks })`. */
export function openTelemetryHooks(options: OpenTelemetryOptions = {}): Required<ClientHooks> {
  const tracer = options.tracer ?? trace.getTracer(scope);
  const meter = options.meter ?? metrics.getMeter(scope);
  const attempts = meter.createHistogram('herald.client.attempt.duration', {
    description: 'How long one question to one endpoint, or one run of work at a leader, took',
    unit: 'ms',
  });
  const calls = meter.createHistogram('herald.client.call.duration', {
    description: 'How long a call took that was not answered from the cache',
    unit: 'ms',
  });
  const changes = meter.createCounter('herald.client.changes', {
    description: 'Changes of leader, and vacancies, that became known',
  });
  return {
    onCall: (start) =>
      observeCall(tracer, start, ({ durationMs, error }) => {
        const { election, what } = start;
        calls.record(durationMs, { 'herald.election': election, what, outcome: codeOf(error) });
      }),
    onAttempt: ({ durationMs, outcome, what }) => {
      attempts.record(durationMs, { what, outcome });
    },
    onChange: ({ status }) => {
      changes.add(1, { status });
    },
  };
}

function observeCall(
  tracer: Tracer,
  { election, what }: CallStart,
  record: (end: CallEnd) => void,
): CallObserver {
  const attributes = { 'herald.election': election };
  const span = tracer.startSpan(`${what} ${election}`, { kind: SpanKind.CLIENT, attributes });
  const within = trace.setSpan(context.active(), span);
  return {
    onEnd: (end) => {
      finish(span, end);
      record(end);
    },
    aroundWork: (_leader, work) => context.with(within, work),
  };
}

function finish(span: Span, end: CallEnd): void {
  const { attempts, error, leader, redirects, retries } = end;
  for (const attempt of attempts) span.addEvent(attempt.what, attributesOf(attempt));
  span.setAttributes({ 'herald.redirects': redirects, 'herald.retries': retries });
  if (leader !== undefined) {
    span.setAttributes({
      'herald.leader.id': leader.leaderId,
      'herald.leader.address': leader.address,
      // An attribute is a double at most; an epoch is an integer of 64 bits.
      'herald.epoch': String(leader.epoch),
    });
  }
  if (error !== undefined) {
    span.setAttribute('error.type', codeOf(error));
    span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
  }
  span.end();
}

function attributesOf({ detail, durationMs, endpoint, outcome }: Attempt): Attributes {
  const attributes = { endpoint, outcome, 'duration.ms': durationMs };
  return detail === undefined ? attributes : { ...attributes, detail };
}

function codeOf(error: unknown): string {
  if (error === undefined) return 'ok';
  if (error instanceof HeraldClientError) return error.code;
  return error instanceof Error ? error.name : 'error';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
