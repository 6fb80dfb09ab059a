/**
 * Reads from an elector's log when it led, for tests that cannot ask it without pause. Decides how long
 * a leadership lasted whose end was never logged: as long as the process was heard, if the process is
 * gone or stands still; without an end, if it runs.
 */
import type { SeenLeadership } from '../fixtures/sampling-protocol.ts';

interface Line {
  readonly msg?: unknown;
  readonly election?: unknown;
  readonly epoch?: unknown;
  readonly lineage?: unknown;
  readonly monotonicMs?: unknown;
  readonly leaderUntilMs?: unknown;
}

/**
 * All leaderships in the log of one elector, which may have been started several times.
 *
 * @param isAwake Whether its process runs now and is not paused.
 */
export function loggedLeaderships(
  electorId: string,
  log: string,
  isAwake: boolean,
): readonly SeenLeadership[] {
  const ended: SeenLeadership[] = [];
  const open = new Map<string, SeenLeadership>();
  let heardMs = 0;
  const end = (seen: SeenLeadership, lastMs: number): void => {
    open.delete(seen.election);
    ended.push({ ...seen, lastMs, hasEnded: true });
  };
  const endAll = (): void => {
    for (const seen of [...open.values()]) end(seen, Math.max(seen.firstMs, heardMs));
  };
  for (const { msg, election, epoch, lineage, monotonicMs, leaderUntilMs } of linesOf(log)) {
    if (typeof monotonicMs === 'number') heardMs = monotonicMs;
    // A process that begins has no more of what the one before it led.
    if (msg === 'starting') endAll();
    if (typeof election !== 'string' || typeof monotonicMs !== 'number') continue;
    if (msg === 'leadership started') {
      const firstMs = monotonicMs;
      const about = {
        election,
        electorId,
        lineage: Number(lineage ?? 0),
        epoch: BigInt(String(epoch)),
      };
      open.set(election, { ...about, firstMs, lastMs: Infinity, hasEnded: false });
    }
    const seen = open.get(election);
    // One that was paused says it late: it led until its own deadline at the longest.
    if (msg === 'leadership ended' && seen !== undefined && typeof leaderUntilMs === 'number')
      end(seen, Math.min(monotonicMs, leaderUntilMs));
  }
  if (!isAwake) endAll();
  return [...ended, ...open.values()];
}

/** The objects among the lines; a line that was cut short by the death of its writer says nothing. */
function linesOf(log: string): readonly Line[] {
  return log.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      return [JSON.parse(line) as Line];
    } catch {
      return [];
    }
  });
}
