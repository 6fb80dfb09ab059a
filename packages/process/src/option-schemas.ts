/**
 * Decides how the values of options are written, once for all processes. Every schema reads the
 * text that the user gave; every message completes "--flag: …" and says what would be right.
 */
import { InvalidValueError } from '@herald/core';
import { z } from 'zod';
import { processLimits } from './limits.ts';

/** Where a server listens. */
export interface ListenAddress {
  /** Name or address; an IPv6 address without its brackets. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/**
 * The value as `parse` makes it. What `parse` throws is the user's error message, so use it with
 * parsing constructors such as `parseNodeId`, whose errors state their rule.
 */
export function parsedBy<T>(parse: (text: string) => T): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: ruleOf(error) });
      return z.NEVER;
    }
  });
}

/** The rule without the domain's name of the field: the option's name stands there already. */
function ruleOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const prefix = error instanceof InvalidValueError ? `${error.field}: ` : '';
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}

/** Any text that is not empty. */
export function text(): z.ZodType<string, string> {
  return z.string().min(1, 'must not be empty');
}

const millisecondsByUnit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/**
 * A span of time such as `500ms`, `3s`, `1m30s` or `1h`, in milliseconds, rounded to a whole one.
 * A bare `0` needs no unit.
 */
export function durationMs(range: {
  readonly minMs?: number;
  readonly maxMs?: number;
}): z.ZodType<number, string> {
  const { minMs = 0, maxMs = Number.MAX_SAFE_INTEGER } = range;
  return parsedBy(parseDurationMs).pipe(
    z
      .number()
      .min(minMs, `must be at least ${formatDurationMs(minMs)}`)
      .max(maxMs, `must be at most ${formatDurationMs(maxMs)}`),
  );
}

function parseDurationMs(given: string): number {
  if (given === '0') return 0;
  if (!/^(?:\d{1,15}(?:\.\d{1,6})?(?:ms|s|m|h))+$/.test(given)) {
    throw new Error('must be a duration such as 500ms, 3s, 1m or 1h');
  }
  let sumMs = 0;
  for (const [, count, unit] of given.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    sumMs += Number(count) * millisecondsByUnit[unit as keyof typeof millisecondsByUnit];
  }
  return Math.round(sumMs);
}

/** The shortest way to write a duration: `90s`, `1500ms`, `2h`. */
export function formatDurationMs(durationMs: number): string {
  for (const unit of ['h', 'm', 's'] as const) {
    const unitMs = millisecondsByUnit[unit];
    if (durationMs >= unitMs && durationMs % unitMs === 0)
      return `${String(durationMs / unitMs)}${unit}`;
  }
  return durationMs === 0 ? '0s' : `${String(durationMs)}ms`;
}

/** A whole number in decimal digits, 1 or more unless `min` says otherwise. */
export function wholeNumber(
  range: {
    readonly min?: number;
    readonly max?: number;
  } = {},
): z.ZodType<number, string> {
  const { min = 1, max = Number.MAX_SAFE_INTEGER } = range;
  const rule =
    max === Number.MAX_SAFE_INTEGER
      ? `must be a whole number of ${String(min)} or more`
      : `must be a whole number from ${String(min)} to ${String(max)}`;
  return z
    .string()
    .regex(/^[0-9]{1,16}$/, rule)
    .transform(Number)
    .pipe(z.number().min(min, rule).max(max, rule));
}

/** A TCP port. */
export function port(): z.ZodType<number, string> {
  return wholeNumber({ min: 1, max: 65_535 });
}

/** Where to listen: `host:port`, IPv6 hosts in brackets; port 0 lets the system choose. */
export function listenAddress(): z.ZodType<ListenAddress, string> {
  return parsedBy(parseListenAddress);
}

function parseListenAddress(given: string): ListenAddress {
  const match =
    /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)):(\d{1,5})$/.exec(
      given,
    );
  const host = match?.[1] ?? match?.[2];
  const portNumber = Number(match?.[3]);
  if (host === undefined || portNumber > 65_535) {
    throw new Error('must be host:port such as 127.0.0.1:7000, [::1]:7000 or 0.0.0.0:0');
  }
  return { host, port: portNumber };
}

/** `host:port`, with brackets around an IPv6 host. */
export function formatListenAddress(address: ListenAddress): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${String(address.port)}`;
}

/** One of a few words. */
export function oneOf<const Word extends string>(
  words: readonly [Word, ...Word[]],
): z.ZodType<Word, string> {
  return z.enum(words, { error: `must be one of ${words.join(', ')}` });
}

/** Base URL of an HTTP(S) service, as `scheme://host:port`. Credentials have options of their own. */
export function httpEndpoint(): z.ZodType<string, string> {
  return parsedBy((given) => {
    const url = URL.canParse(given) ? new URL(given) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || !/^https?:\/\//i.test(given)) {
      throw new Error('must be a URL such as http://127.0.0.1:2379 or https://etcd-1:2379');
    }
    if (url.username !== '' || url.password !== '') {
      throw new Error('must not hold a user name or password');
    }
    if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
      throw new Error('must end after the port, without a path');
    }
    return url.origin;
  });
}

const isOnByWord: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'on', 'yes', '1'].map((word) => [word, true] as const),
  ...['false', 'off', 'no', '0'].map((word) => [word, false] as const),
]);

/** Value of a switch: the flag alone, or a word in the environment. */
export function onOff(): z.ZodType<boolean, string> {
  return parsedBy((given) => {
    const isOn = isOnByWord.get(given.toLowerCase());
    if (isOn === undefined) throw new Error('must be true or false');
    return isOn;
  });
}

/** The values of a repeatable option, each read by `element`. */
export function listOf<T>(
  element: z.ZodType<T, string>,
  range: { readonly min?: number; readonly max?: number } = {},
): z.ZodType<readonly T[], string[]> {
  const { min = 0, max = processLimits.listItemsMax } = range;
  return z
    .array(element)
    .min(min, `must be given at least ${times(min)}`)
    .max(max, `must be given at most ${times(max)}`);
}

/** The values of a repeatable `key=value` option; both sides are checked by the caller's rules. */
export function keyValues(rules: {
  readonly max: number;
  readonly parseKey?: (text: string) => string;
  readonly parseValue?: (text: string) => string;
}): z.ZodType<Readonly<Record<string, string>>, string[]> {
  const { max, parseKey = String, parseValue = String } = rules;
  const pair = parsedBy((given): readonly [string, string] => {
    const separator = given.indexOf('=');
    if (separator < 1) throw new Error('must be key=value');
    return [parseKey(given.slice(0, separator)), parseValue(given.slice(separator + 1))];
  });
  return listOf(pair, { max }).transform((pairs, context) => {
    const seen = new Set<string>();
    pairs.forEach(([key], index) => {
      const message = `names the key ${JSON.stringify(key)} a second time`;
      if (seen.has(key)) context.addIssue({ code: 'custom', path: [index], message });
      seen.add(key);
    });
    return Object.fromEntries(pairs);
  });
}

function times(count: number): string {
  return count === 1 ? 'once' : `${String(count)} times`;
}

/** Whether it is listened on all addresses, none of which others could be told. */
export function isWildcard({ host }: ListenAddress): boolean {
  return /^(0\.0\.0\.0|::)$/.test(host);
}

/** Whether an address stays within this machine. */
export function isLoopback(address: string): boolean {
  return /^(127\.|localhost:|\[::1\])/.test(address);
}

/** What to say when members elsewhere are joined without telling them an address. */
export function advertiseRule(listen: ListenAddress, who: string): string {
  const where = formatListenAddress(listen);
  return `is required, since --listen ${where} does not say where others reach ${who}; give its host and port`;
}
