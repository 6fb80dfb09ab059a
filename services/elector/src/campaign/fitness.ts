/** Decides whether the application is fit to lead, from what its own health check says. */
import { describeTrouble } from '../errors.ts';
import { pause } from '../wait.ts';

/** The application's word on itself: false, or an error, ends its leadership and keeps it out of line. */
export type HealthCheck = () => boolean | Promise<boolean>;

export type Fitness =
  { readonly kind: 'fit' } | { readonly kind: 'unfit'; readonly detail: string };

/** Asks `health`, and does not wait longer than `timeoutMs`. */
export async function askHealth(
  health: HealthCheck | undefined,
  timeoutMs: number,
): Promise<Fitness> {
  if (health === undefined) return { kind: 'fit' };
  const giveUp = new AbortController();
  const late = pause(timeoutMs, giveUp.signal).then((): Fitness => {
    return { kind: 'unfit', detail: `the health check took longer than ${timeoutMs} ms` };
  });
  try {
    return await Promise.race([answerOf(health), late]);
  } finally {
    giveUp.abort();
  }
}

async function answerOf(health: HealthCheck): Promise<Fitness> {
  try {
    if (await health()) return { kind: 'fit' };
    return { kind: 'unfit', detail: 'the health check said no' };
  } catch (error) {
    return { kind: 'unfit', detail: `the health check failed: ${describeTrouble(error)}` };
  }
}
