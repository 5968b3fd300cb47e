import type { Answer } from '../lookup.ts';

/** An answer in the store. */
export interface CacheEntry {
  readonly key: string;
  answer: Answer;
  /** Clock milliseconds from which on the answer is old. */
  freshUntil: number;
  /** Clock milliseconds at which the call for it began. */
  calledAt: number;
  older: CacheEntry | undefined;
  newer: CacheEntry | undefined;
}

/**
 * The answers of one cache by key, at most `maxEntries` of them. A further answer replaces the least recently used one.
 *
 *     by key   Map: key ──▶ entry
 *     by use   oldest ⇄ entry ⇄ entry ⇄ newest        older ⇄ newer; a use takes an entry out and links it last
 *
 * Every operation is O(1). Nothing runs between calls: an answer that is too old stays until it is used, replaced or
 * evicted. The caller gives the times.
 */
export class CacheStore {
  evictions = 0;
  readonly #maxEntries: number;
  readonly #byKey = new Map<string, CacheEntry>();
  #oldest: CacheEntry | undefined;
  #newest: CacheEntry | undefined;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** The answer for the key, fresh or old. It counts as used. */
  use(key: string): CacheEntry | undefined {
    const entry = this.#byKey.get(key);
    if (entry !== undefined && entry !== this.#newest) {
      this.#unlink(entry);
      this.#linkNewest(entry);
    }
    return entry;
  }

  /** Stores an answer, unless the stored one comes from a later call. */
  put(key: string, answer: Answer, freshUntil: number, calledAt: number): void {
    const entry = this.use(key);
    if (entry === undefined) {
      if (this.#byKey.size >= this.#maxEntries) this.#evict();
      const added = {
        key: detached(key),
        answer,
        freshUntil,
        calledAt,
        older: undefined,
        newer: undefined,
      };
      this.#byKey.set(added.key, added);
      this.#linkNewest(added);
    } else if (entry.calledAt <= calledAt) {
      entry.answer = answer;
      entry.freshUntil = freshUntil;
      entry.calledAt = calledAt;
    }
  }

  /** Removes the answer for the key, unless it comes from a call later than `calledAt`. */
  forget(key: string, calledAt: number): void {
    const entry = this.#byKey.get(key);
    if (entry !== undefined && entry.calledAt <= calledAt) this.#remove(entry);
  }

  clear(): void {
    this.#byKey.clear();
    this.#oldest = undefined;
    this.#newest = undefined;
  }

  #evict(): void {
    if (this.#oldest === undefined) return;
    this.#remove(this.#oldest);
    this.evictions++;
  }

  #remove(entry: CacheEntry): void {
    this.#byKey.delete(entry.key);
    this.#unlink(entry);
  }

  #linkNewest(entry: CacheEntry): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: CacheEntry): void {
    const { older, newer } = entry;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}

/**
 * The same text in memory of its own. A slice of a text keeps the whole text alive: a short answer that was selected from
 * a large body, or a key from a chunk of input, would keep all of that in memory as long as it is cached.
 */
export function detached(text: string): string {
  return ` ${text}`.slice(1);
}
