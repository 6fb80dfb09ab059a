/**
 * Randomness as an argument. The core never reaches for a generator of its own: the shell passes
 * one that is seeded from the operating system, simulator and tests one that replays.
 */

/** A source of uniformly distributed numbers in [0, 1). */
export type Random = () => number;

/**
 * A small, fast, seedable generator (sfc32, Chris Doty-Humphrey, PractRand), good enough for jitter
 * and peer choice; not for secrets.
 */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9 | 0;
  let b = 0x243f6a88 | 0;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 4_294_967_296;
  };
  for (let warmUp = 0; warmUp < 15; warmUp++) next();
  return next;
}

/** One element, or undefined of an empty list. */
export function pickOne<T>(items: readonly T[], random: Random): T | undefined {
  return items[Math.floor(random() * items.length)];
}

/** Up to `count` different elements in random order, none below one (partial Fisher–Yates on a copy). */
export function pickSome<T>(items: readonly T[], count: number, random: Random): T[] {
  const pool = items.slice();
  const taken = Math.max(0, Math.min(count, pool.length));
  for (let index = 0; index < taken; index++) {
    const other = index + Math.floor(random() * (pool.length - index));
    const swap = pool[index] as T;
    pool[index] = pool[other] as T;
    pool[other] = swap;
  }
  return pool.slice(0, taken);
}

/** `value` spread uniformly over ±`share` of itself, e.g. 0.2 for ±20 %. */
export function jittered(value: number, share: number, random: Random): number {
  return value * (1 - share + 2 * share * random());
}
