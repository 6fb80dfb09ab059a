/** What is counted as it happens; what can be asked for is asked for when metrics are read. */
import type { ElectionName } from '@herald/core';

export interface Meter {
  renewed(election: ElectionName, outcome: 'ok' | 'failed', durationMs: number): void;
  etcdCall(session: 'data' | 'lease', outcome: 'ok' | 'failed'): void;
}

export const noMeter: Meter = { renewed: () => undefined, etcdCall: () => undefined };
