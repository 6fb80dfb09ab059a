/** What a caller is told when a member does not serve it now: come back, or ask another one. */
import { status } from '@grpc/grpc-js';
import type { ServerErrorResponse } from '@grpc/grpc-js';

export const starting = refusal(status.UNAVAILABLE, 'this member is starting');

export const stopping = refusal(status.UNAVAILABLE, 'this member is stopping');

export function tooMany(what: string, countMax: number): ServerErrorResponse {
  const details = `this member serves ${String(countMax)} ${what} already; ask another one`;
  return refusal(status.RESOURCE_EXHAUSTED, details);
}

function refusal(code: status, details: string): ServerErrorResponse {
  return Object.assign(new Error(details), { code, details });
}
