/** What a part counts by itself, as a counter with one label. Decides that it is read when scraped, and copied. */
import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';

export interface CountsDescription {
  readonly name: string;
  readonly help: string;
  readonly label: string;
}

/** @param read What was counted since the start, by the label's value. */
export function exposeCounts(
  registry: Registry,
  { name, help, label }: CountsDescription,
  read: () => Readonly<Record<string, number>>,
): void {
  new Counter({
    ...{ name, help, labelNames: [label], registers: [registry] },
    collect() {
      this.reset();
      for (const [value, count] of Object.entries(read())) this.inc({ [label]: value }, count);
    },
  });
}
