/** Decides how many states travel in one frame: few enough that nothing waits long behind them. */
import { limits } from './limits.ts';
import type { Entry } from './member-table.ts';

/** Takes entries until a page is full; at least one, if there is one. */
export function firstPage(entries: Iterable<Entry>): Entry[] {
  const page: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    bytes += entry.measures.bytesMax;
    const isFull =
      bytes > limits.memberPageBytesMax || page.length >= limits.memberStatesPerFrameMax;
    if (page.length > 0 && isFull) break;
    page.push(entry);
  }
  return page;
}

/** All of them, in pages. */
export function pagesOf(entries: readonly Entry[]): Entry[][] {
  const pages: Entry[][] = [];
  for (let start = 0; start < entries.length;) {
    const page = firstPage(entries.slice(start, start + limits.memberStatesPerFrameMax));
    pages.push(page);
    start += page.length;
  }
  return pages;
}
