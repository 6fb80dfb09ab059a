import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { test } from 'node:test';
import { ROOT_CONTEXT, context, createNoopMeter, trace } from '@opentelemetry/api';
import type { Attributes, Context, ContextManager, Meter, Span, Tracer } from '@opentelemetry/api';
import { openTelemetryHooks } from './opentelemetry.ts';
import { claim, failureOf, fixture } from './test-support/fixture.ts';

const seeds = ['a:1', 'b:1', 'c:1'];

interface SeenSpan {
  readonly name: string;
  readonly attributes: Attributes;
  readonly events: { readonly name: string; readonly attributes: Attributes }[];
  status: { readonly code: number; readonly message?: string } | undefined;
  isEnded: boolean;
}

/** As much of a tracer as the adapter uses, writing down what it is told. */
function spyTracer(): { readonly tracer: Tracer; readonly spans: SeenSpan[] } {
  const spans: SeenSpan[] = [];
  const startSpan = (name: string, { attributes = {} }: { attributes?: Attributes } = {}): Span => {
    const seen: SeenSpan = {
      name,
      attributes: { ...attributes },
      events: [],
      status: undefined,
      isEnded: false,
    };
    spans.push(seen);
    const span = {
      addEvent: (event: string, about: Attributes) => {
        seen.events.push({ name: event, attributes: about });
      },
      setAttribute: (key: string, value: string) => {
        seen.attributes[key] = value;
      },
      setAttributes: (more: Attributes) => {
        Object.assign(seen.attributes, more);
      },
      setStatus: (status: { readonly code: number }) => {
        seen.status = status;
      },
      end: () => {
        seen.isEnded = true;
      },
      seen,
    };
    return span as unknown as Span;
  };
  return { tracer: { startSpan } as unknown as Tracer, spans };
}

function spyMeter(): { readonly meter: Meter; readonly recorded: Map<string, Attributes[]> } {
  const recorded = new Map<string, Attributes[]>();
  const instrument = (name: string) => ({
    record: (_value: number, attributes: Attributes) => {
      recorded.set(name, [...(recorded.get(name) ?? []), attributes]);
    },
    add: (_value: number, attributes: Attributes) => {
      recorded.set(name, [...(recorded.get(name) ?? []), attributes]);
    },
  });
  const meter = { ...createNoopMeter(), createHistogram: instrument, createCounter: instrument };
  return { meter: meter as unknown as Meter, recorded };
}

/** The context manager of Node, without the SDK. */
function contextManager(): ContextManager {
  const store = new AsyncLocalStorage<Context>();
  return {
    active: () => store.getStore() ?? ROOT_CONTEXT,
    with: (active, fn, thisArg, ...args) => store.run(active, () => fn.apply(thisArg, args)),
    bind: (_context, target) => target,
    enable(): ContextManager {
      return this;
    },
    disable(): ContextManager {
      return this;
    },
  };
}

test('a call is a span with its attempts, the leader, and the code of its error', async () => {
  const { spans, tracer } = spyTracer();
  const { meter, recorded } = spyMeter();
  await using f = fixture({ hooks: openTelemetryHooks({ tracer, meter }) });
  for (const seed of seeds) f.network.at(seed).hold(claim(7));
  await f.client.getLeader();
  await f.client.getLeader();
  const [span] = spans;
  assert.equal(spans.length, 1, 'what the cache answers is no span');
  assert.equal(span?.name, 'getLeader payments');
  assert.equal(span.isEnded, true);
  assert.equal(span.status, undefined);
  assert.equal(span.attributes['herald.election'], 'payments');
  assert.equal(span.attributes['herald.epoch'], '7');
  assert.equal(span.attributes['herald.leader.address'], 'leader-7:80');
  assert.deepEqual(
    span.events.map(({ attributes, name }) => [name, attributes['outcome']]),
    [['lookup', 'current']],
  );

  for (const seed of seeds) f.network.at(seed).behaviour = 'refuses';
  await failureOf(f.client.listMembers());
  assert.equal(spans[1]?.attributes['error.type'], 'UNREACHABLE');
  assert.equal(spans[1].status?.code, 2);
  assert.deepEqual(recorded.get('herald.client.changes'), [{ status: 'current' }]);
  assert.deepEqual(
    recorded.get('herald.client.call.duration')?.map(({ outcome, what }) => [what, outcome]),
    [
      ['getLeader', 'ok'],
      ['listMembers', 'UNREACHABLE'],
    ],
  );
  assert.ok((recorded.get('herald.client.attempt.duration')?.length ?? 0) >= 2);
});

test('work runs within the span of its call, and its own errors are told by their name', async () => {
  context.setGlobalContextManager(contextManager());
  try {
    const { spans, tracer } = spyTracer();
    await using f = fixture({ hooks: openTelemetryHooks({ tracer }) });
    for (const seed of seeds) f.network.at(seed).hold(claim(7));
    const seen = await f.client.withLeader(async () => {
      await Promise.resolve();
      return trace.getActiveSpan() as unknown as { readonly seen: SeenSpan };
    });
    assert.equal(seen.seen, spans[0]);
    assert.equal(trace.getActiveSpan(), undefined);
    await assert.rejects(f.client.withLeader(async () => Promise.reject(new RangeError('no'))));
    assert.equal(spans[1]?.attributes['error.type'], 'RangeError');
  } finally {
    context.disable();
  }
});

test('without a provider the hooks do nothing, and harm nothing', async () => {
  await using f = fixture({ hooks: openTelemetryHooks() });
  for (const seed of seeds) f.network.at(seed).hold(claim(7));
  assert.equal(await f.client.withLeader(async ({ epoch }) => epoch), 7n);
});
