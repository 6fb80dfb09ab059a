/**
 * Decides how values look in a log line: epochs and other bigints as text, errors with their
 * causes, secrets hidden by their key at any depth, everything under a bound. One pass does it
 * all, because pino's own redaction needs every path listed and turns bigints into JSON numbers
 * that readers round.
 */
import { processLimits } from './limits.ts';

const hidden = '[hidden]';
const cut = '[…]';

/** Ends of the keys whose values are secrets, without case, `_` and `-`. */
const secretKeyPattern =
  /(?:password|passwd|passphrase|secret|token|privatekey|secretkey|apikey|authorization|cookie|credentials?)s?$/;

/** A copy of the fields of a log line that JSON can hold and anyone may read. */
export function loggableFields(fields: object): Record<string, unknown> {
  return copyFields(fields, 0);
}

function copyFields(fields: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  let count = 0;
  for (const [key, value] of Object.entries(fields)) {
    if (++count > processLimits.logItemsMax) {
      copy[cut] = Object.keys(fields).length - processLimits.logItemsMax;
      break;
    }
    copy[key] = isSecret(key, value) ? hidden : loggable(value, depth + 1);
  }
  return copy;
}

/** Numbers and booleans are no secrets: a fencing token is an epoch, `hasPassword` a fact. */
function isSecret(key: string, value: unknown): boolean {
  const holdsText = typeof value === 'string' || (typeof value === 'object' && value !== null);
  return holdsText && secretKeyPattern.test(key.toLowerCase().replace(/[_-]/g, ''));
}

function loggable(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'bigint':
      return value.toString();
    case 'string':
      return value.length > processLimits.logStringCharactersMax
        ? `${value.slice(0, processLimits.logStringCharactersMax)}${cut}`
        : value;
    case 'object':
      return value === null ? null : loggableObject(value, depth);
    case 'symbol':
      return value.toString();
    case 'function':
      return undefined;
    default:
      return value;
  }
}

function loggableObject(value: object, depth: number): unknown {
  if (depth > processLimits.logDepthMax) return cut;
  if (value instanceof Error) return loggableError(value, depth);
  if (ArrayBuffer.isView(value)) return `<${String(value.byteLength)} bytes>`;
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => [String(key), item] as const);
    return copyFields(Object.fromEntries(entries), depth);
  }
  if (Array.isArray(value) || value instanceof Set) {
    const items = [...(value as Iterable<unknown>)];
    const kept = items.slice(0, processLimits.logItemsMax).map((item) => loggable(item, depth + 1));
    return items.length > kept.length ? [...kept, cut] : kept;
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return loggable((value as { toJSON: () => unknown }).toJSON(), depth + 1);
  }
  return copyFields(value, depth);
}

function loggableError(error: Error, depth: number): Record<string, unknown> {
  const inner: Record<string, unknown> = {};
  if (error.cause !== undefined) inner['cause'] = error.cause;
  if (error instanceof AggregateError) inner['errors'] = error.errors;
  return {
    type: error.name,
    message: loggable(error.message, depth + 1),
    ...copyFields(
      { ...Object.fromEntries(Object.entries(error)), ...inner, name: undefined },
      depth,
    ),
    stack: loggable(error.stack, depth + 1),
  };
}
