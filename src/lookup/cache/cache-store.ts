import type { Answer, Freshness } from '../lookup.ts';

/** How long an answer is used, in milliseconds. Most answers of a cache share one object. */
export interface StorageTimes {
  readonly freshMs: number;
  /** How long after that it is used while a new one is fetched. */
  readonly staleMs: number;
  /** How long after that it is used if the call for a new one fails. */
  readonly spareMs: number;
}

/** An answer in the store. */
export interface CacheEntry {
  readonly key: string;
  answer: Answer;
  times: StorageTimes;
  /** Clock milliseconds at which `freshMs` ends. */
  freshUntil: number;
  /** Uses since the answer was stored. */
  uses: number;
  /** As they count in `maxBytes`. */
  bytes: number;
  /** Clock milliseconds at which the call for it began. */
  calledAt: number;
  older: CacheEntry | undefined;
  newer: CacheEntry | undefined;
}

/**
 * The answers of one cache by key, at most `maxEntries` of them, which take at most `maxBytes` of memory. For a further
 * answer the least recently used ones are removed. An answer that is larger than `maxBytes` is not stored.
 *
 *     by key   Map: key ──▶ entry
 *     by use   oldest ⇄ entry ⇄ entry ⇄ newest        older ⇄ newer; a use takes an entry out and links it last
 *
 * Every operation is O(1), apart from the removal of several small answers for a large one. Nothing runs between calls: an
 * answer that is too old stays until it is used, replaced or evicted. The caller gives the times.
 *
 * lru-cache 11.5 as the store of the same entries costs more on a hit: docs/dependencies.md.
 */
export class CacheStore {
  evictions = 0;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #bytes = 0;
  readonly #byKey = new Map<string, CacheEntry>();
  #oldest: CacheEntry | undefined;
  #newest: CacheEntry | undefined;

  constructor({ maxEntries, maxBytes }: { readonly maxEntries: number; readonly maxBytes: number }) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The answer for the key, fresh or old. It does not count as used. */
  find(key: string): CacheEntry | undefined {
    return this.#byKey.get(key);
  }

  /** The answer for the key, fresh or old. It counts as used. */
  use(key: string): CacheEntry | undefined {
    const entry = this.find(key);
    if (entry !== undefined && entry !== this.#newest) {
      this.#unlink(entry);
      this.#linkNewest(entry);
    }
    return entry;
  }

  /** Stores an answer that has come at `nowMs`, unless the stored one comes from a later call. */
  put(key: string, answer: Answer, times: StorageTimes, calledAt: number, nowMs: number): void {
    const { json, freshness } = answer;
    const entry = this.use(key);
    if (entry !== undefined && entry.calledAt > calledAt) return;
    // A key is joined from many texts, some of them slices of the input: it is copied into one before it is read.
    const own = entry === undefined ? detached(key) : entry.key;
    let bytes = entryBytes + memoryOf(own);
    if (json !== undefined) bytes += memoryOf(json);
    if (freshness !== undefined) bytes += memoryOfFields(freshness);
    if (bytes > this.#maxBytes) {
      if (entry !== undefined) this.#remove(entry);
      return;
    }
    if (entry === undefined) {
      if (this.#byKey.size >= this.#maxEntries) this.#evict();
      const added: CacheEntry = {
        key: own,
        answer,
        times,
        freshUntil: nowMs + times.freshMs,
        uses: 0,
        bytes,
        calledAt,
        older: undefined,
        newer: undefined,
      };
      this.#byKey.set(own, added);
      this.#linkNewest(added);
      this.#bytes += bytes;
    } else {
      this.#bytes += bytes - entry.bytes;
      entry.answer = answer;
      entry.times = times;
      entry.freshUntil = nowMs + times.freshMs;
      entry.uses = 0;
      entry.bytes = bytes;
      entry.calledAt = calledAt;
    }
    // The answer itself is the newest, so it is never removed here.
    while (this.#bytes > this.#maxBytes) this.#evict();
  }

  /** Removes the answer for the key, unless it comes from a call later than `calledAt`. */
  forget(key: string, calledAt: number): void {
    const entry = this.#byKey.get(key);
    if (entry !== undefined && entry.calledAt <= calledAt) this.#remove(entry);
  }

  clear(): void {
    this.#byKey.clear();
    this.#bytes = 0;
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
    this.#bytes -= entry.bytes;
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

/** The entry itself, its links, its place in the Map and the heads of its texts; measured with a million entries. */
const entryBytes = 300;

/** V8 keeps a text with one byte for each character, or with two if one of them is beyond Latin-1. */
function memoryOf(text: string): number {
  return beyondLatin1.test(text) ? 2 * text.length : text.length;
}

function memoryOfFields({ validators, lifetime }: Freshness): number {
  if (validators.length === 0) return 0;
  return memoryOf(validators.join('')) + memoryOf(Object.values(lifetime).join(''));
}

const beyondLatin1 = /[^\0-\xff]/;

/**
 * The same text in memory of its own. A slice of a text keeps the whole text alive: a short answer that was selected from
 * a large body, or a key from a chunk of input, would keep all of that in memory as long as it is cached.
 */
export function detached(text: string): string {
  return ` ${text}`.slice(1);
}
