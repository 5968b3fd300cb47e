/** A call in a table. It is its own link in the list of its bucket, so that it is removed without another search. */
export interface ListedCall<Call extends ListedCall<Call>> {
  readonly key: string;
  /** Of `hashOf(key)`. */
  readonly hash: number;
  /** The next call of the same bucket. */
  next: Call | undefined;
}

const leastBuckets = 64;
/** A longer key is kept in a Map, which hashes it faster. */
const longestHashed = 128;
const inMap = -1;

/**
 * Calls by key, made for keys that come and go: most calls have a key of their own, and are listed only while they run.
 * A Map needs three searches and two changes for each of them, which is 2 % of an HTTP call; this needs a third of it.
 *
 *     buckets  [0] ──▶ call ──▶ call
 *              [1]
 *              [2] ──▶ call
 *
 * The number of buckets, a power of two, follows the number of calls. Two calls may have one key: the later one is found.
 * `seed` is random, so that a sender of records cannot choose keys that all fall into one bucket.
 */
export class CallTable<Call extends ListedCall<Call>> {
  #buckets: (Call | undefined)[] = emptyBuckets(leastBuckets);
  readonly #long = new Map<string, Call>();
  #size = 0;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed | 1;
  }

  get size(): number {
    return this.#size;
  }

  hashOf(key: string): number {
    const { length } = key;
    if (length > longestHashed) return inMap;
    const seed = this.#seed;
    let hash = seed;
    for (let at = 0; at < length; at++) hash = Math.imul(((hash << 5) | (hash >>> 27)) ^ key.charCodeAt(at), seed);
    return (hash ^ (hash >>> 15)) & 0x3fffffff;
  }

  find(key: string, hash: number): Call | undefined {
    if (hash === inMap) return this.#long.get(key);
    let call = this.#buckets[hash & (this.#buckets.length - 1)];
    while (call !== undefined && (call.hash !== hash || call.key !== key)) call = call.next;
    return call;
  }

  add(call: Call): void {
    if (this.#size === this.#buckets.length) this.#grow();
    this.#size++;
    if (call.hash === inMap) this.#long.set(call.key, call);
    else this.#link(call);
  }

  /** The call has to be in the table. */
  remove(call: Call): void {
    this.#size--;
    if (call.hash === inMap) {
      if (this.#long.get(call.key) === call) this.#long.delete(call.key);
      return;
    }
    const index = call.hash & (this.#buckets.length - 1);
    let before = this.#buckets[index];
    if (before === call) this.#buckets[index] = call.next;
    else {
      while (before !== undefined && before.next !== call) before = before.next;
      if (before !== undefined) before.next = call.next;
    }
    call.next = undefined;
  }

  #link(call: Call): void {
    const index = call.hash & (this.#buckets.length - 1);
    call.next = this.#buckets[index];
    this.#buckets[index] = call;
  }

  #grow(): void {
    const before = this.#buckets;
    this.#buckets = emptyBuckets(before.length * 2);
    for (const first of before) {
      for (let call = first; call !== undefined;) {
        const { next } = call;
        this.#link(call);
        call = next;
      }
    }
  }
}

function emptyBuckets<Call>(count: number): (Call | undefined)[] {
  return Array.from({ length: count }, () => undefined);
}
