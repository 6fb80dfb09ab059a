/** Decides how many states travel in one frame: few enough that nothing waits long behind them. */
import { stateBytesMax } from './endpoint-state.ts';
import type { CarriedState } from './endpoint-state.ts';
import { limits } from './limits.ts';

/** At least one state in each page, and no more than a page holds. */
export function pagesOf(states: readonly CarriedState[]): CarriedState[][] {
  const pages: CarriedState[][] = [];
  let page: CarriedState[] = [];
  let bytes = 0;
  for (const carried of states) {
    const more = stateBytesMax(carried.state);
    const isFull =
      bytes + more > limits.memberPageBytesMax || page.length >= limits.memberStatesPerFrameMax;
    if (page.length > 0 && isFull) {
      pages.push(page);
      page = [];
      bytes = 0;
    }
    page.push(carried);
    bytes += more;
  }
  if (page.length > 0) pages.push(page);
  return pages;
}
