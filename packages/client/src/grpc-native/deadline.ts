/** Decides how long a call of grpc-js has from now on. */
import type { Deadline, InterceptorOptions } from '@grpc/grpc-js';

/** Milliseconds until the deadline of the call or of the call that it is part of; `Infinity`: none. */
export function timeLeftMs({ deadline = Infinity, parent }: InterceptorOptions): number {
  const untilMs = Math.min(momentOf(deadline), momentOf(parent?.getDeadline() ?? Infinity));
  if (untilMs === Infinity) return Infinity;
  // eslint-disable-next-line no-restricted-properties -- gRPC states deadlines so; read once, here
  return Math.max(0, untilMs - Date.now());
}

function momentOf(deadline: Deadline): number {
  return deadline instanceof Date ? deadline.getTime() : deadline;
}
