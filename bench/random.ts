/** Random numbers in [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A copy in random order; each order is equally likely (Fisher and Yates). */
export function shuffled<T extends object>(list: readonly T[], random: () => number): T[] {
  const mixed: T[] = [];
  for (const item of list) {
    const at = Math.floor(random() * (mixed.length + 1));
    mixed.push(mixed[at] ?? item);
    mixed[at] = item;
  }
  return mixed;
}
