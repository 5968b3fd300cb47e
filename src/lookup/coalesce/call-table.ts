import { notHashed, type RequestKey } from './request-key.ts';

/** A call in a table. It is its own link in the list of its bucket, so that it is removed without another search. */
export interface ListedCall<Call extends ListedCall<Call>> {
  readonly key: RequestKey;
  /** The next call of the same bucket. */
  next: Call | undefined;
}

const leastBuckets = 64;

/**
 * Calls by key, made for keys that come and go: most calls have a key of their own, and are listed only while they run.
 * A Map needs three searches and two changes for each of them, which is 2 % of an HTTP call; this needs a third of it.
 *
 *     buckets  [0] ──▶ call ──▶ call
 *              [1]
 *              [2] ──▶ call
 *
 * The number of buckets, a power of two, follows the number of calls. Two calls may have one key: the later one is found.
 * The seed of the hashes is random, so that a sender of records cannot choose keys that all fall into one bucket.
 */
export class CallTable<Call extends ListedCall<Call>> {
  #buckets: (Call | undefined)[] = emptyBuckets(leastBuckets);
  readonly #long = new Map<string, Call>();
  #size = 0;
  get size(): number {
    return this.#size;
  }

  find(key: RequestKey): Call | undefined {
    const { hash } = key;
    if (hash === notHashed) return this.#long.get(key.text);
    let call = this.#buckets[hash & (this.#buckets.length - 1)];
    while (call !== undefined && (call.key.hash !== hash || !call.key.equals(key))) call = call.next;
    return call;
  }

  add(call: Call): void {
    if (this.#size === this.#buckets.length) this.#grow();
    this.#size++;
    if (call.key.hash === notHashed) this.#long.set(call.key.text, call);
    else this.#link(call);
  }

  /** The call has to be in the table. */
  remove(call: Call): void {
    this.#size--;
    if (call.key.hash === notHashed) {
      const { text } = call.key;
      if (this.#long.get(text) === call) this.#long.delete(text);
      return;
    }
    const index = call.key.hash & (this.#buckets.length - 1);
    let before = this.#buckets[index];
    if (before === call) this.#buckets[index] = call.next;
    else {
      while (before !== undefined && before.next !== call) before = before.next;
      if (before !== undefined) before.next = call.next;
    }
    call.next = undefined;
  }

  #link(call: Call): void {
    const index = call.key.hash & (this.#buckets.length - 1);
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
