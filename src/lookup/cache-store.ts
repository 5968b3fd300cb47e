import type { Answer } from './lookup.ts';

/** An answer that is held. */
export interface Held {
  readonly key: string;
  answer: Answer;
  /** Clock milliseconds from which on it is old. */
  freshUntil: number;
  /** Clock milliseconds at which the call for it began. */
  askedAt: number;
  older: Held | undefined;
  newer: Held | undefined;
}

/**
 * The answers of one cache, by key, `maxEntries` at most; the one that was not used for longest makes room.
 *
 *     by key   Map: key ──▶ entry
 *     by use   oldest ⇄ entry ⇄ entry ⇄ newest        older ⇄ newer; a use takes an entry out and links it last
 *
 * Every operation is O(1). Nothing runs by itself: what is too old stays in its place until it is asked for, replaced or
 * displaced. Times are the caller's.
 */
export class CacheStore {
  evictions = 0;
  readonly #maxEntries: number;
  readonly #byKey = new Map<string, Held>();
  #oldest: Held | undefined;
  #newest: Held | undefined;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** What is held for the key, fresh or not; it counts as used. */
  use(key: string): Held | undefined {
    const entry = this.#byKey.get(key);
    if (entry !== undefined && entry !== this.#newest) {
      this.#unlink(entry);
      this.#linkNewest(entry);
    }
    return entry;
  }

  /** An answer never takes the place of one that was asked for later. */
  put(key: string, answer: Answer, freshUntil: number, askedAt: number): void {
    const entry = this.use(key);
    if (entry === undefined) {
      if (this.#byKey.size >= this.#maxEntries) this.#evict();
      const held = {
        key: detached(key),
        answer,
        freshUntil,
        askedAt,
        older: undefined,
        newer: undefined,
      };
      this.#byKey.set(held.key, held);
      this.#linkNewest(held);
    } else if (entry.askedAt <= askedAt) {
      entry.answer = answer;
      entry.freshUntil = freshUntil;
      entry.askedAt = askedAt;
    }
  }

  /** Forgets what is held for the key, unless it was asked for later than `askedAt`. */
  forget(key: string, askedAt: number): void {
    const entry = this.#byKey.get(key);
    if (entry !== undefined && entry.askedAt <= askedAt) this.#remove(entry);
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

  #remove(entry: Held): void {
    this.#byKey.delete(entry.key);
    this.#unlink(entry);
  }

  #linkNewest(entry: Held): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: Held): void {
    const { older, newer } = entry;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}

/**
 * The same text in memory of its own: a slice of a text keeps the whole of it alive, so that a short answer that was
 * selected from a large body, or a key from a chunk of input, would hold all of that as long as it is cached.
 */
export function detached(text: string): string {
  return ` ${text}`.slice(1);
}
