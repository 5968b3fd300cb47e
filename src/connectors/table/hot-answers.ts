import type { Answer } from '../../lookup/lookup.ts';

/** Number of answers that are remembered without being kept. */
const recentSlots = 4096;
/** Bytes of an answer beside its text: two objects, an entry in a map, the heads of two texts. */
const answerBytes = 170;
/** Keys up to this length are found without a map. V8 computes the hash of each new text outside of compiled code. */
const shortKey = 16;
/** Answers that are found without a map. */
const frontSlots = 8192;

/** An answer with the key of its row. */
interface Kept {
  readonly key: string;
  readonly answer: Answer;
}

/**
 * Keeps answers by the key of their row, in bounded memory.
 *
 *     put ──▶ young [ d | e ] ──▶ old [ a | b | c ] ──▶ dropped     when young is full, it becomes old
 *      │        ▲
 *      └──▶ recent: one answer in each slot                          from then on, an answer is kept if its row is found again
 *
 *     get ──▶ front [ b | – | e | a ] ──▶ young, old                 of the kept ones: one answer with a short key in each slot
 *
 * So a table of moderate size has all its answers after a while, and each is found by one search in a map. Of a larger
 * table the rows that are found often are kept. The others are garbage at once: if they were kept for a while, V8 would
 * move them to its old generation, which it lets grow by hundreds of megabytes before it collects it.
 */
export class HotAnswers {
  readonly #mostBytes: number;
  readonly #keyAt: (start: number) => string;
  #young = new Map<string, Kept>();
  #old = new Map<string, Kept>();
  readonly #front: (Kept | undefined)[] = Array.from({ length: frontSlots });
  #youngBytes = 0;
  #recent: Recent | undefined;

  /**
   * @param mostBytes Memory for the answers, in bytes; about, because a character may take two.
   * @param keyAt The key of the row that starts there.
   */
  constructor(mostBytes: number, keyAt: (start: number) => string) {
    this.#mostBytes = mostBytes;
    this.#keyAt = keyAt;
  }

  get(key: string): Answer | undefined {
    if (key.length > shortKey) return this.#kept(key)?.answer;
    const slot = frontSlotOf(key);
    const front = this.#front[slot];
    if (front?.key === key) return front.answer;
    const kept = this.#kept(key);
    if (kept !== undefined) this.#front[slot] = kept;
    return kept?.answer;
  }

  /** The answer of the row that starts there, if it was put lately and is not kept. It is kept from now on. */
  again(start: number): Answer | undefined {
    const answer = this.#recent?.get(start);
    if (answer !== undefined) this.#keep(start, answer);
    return answer;
  }

  put(start: number, answer: Answer): void {
    if (this.#recent === undefined) this.#keep(start, answer);
    else this.#recent.put(start, answer);
  }

  #kept(key: string): Kept | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  #keep(start: number, answer: Answer): void {
    // Not the key of the lookup: if that is a slice of a record, it holds the whole line of the record.
    const key = this.#keyAt(start);
    const bytes = answerBytes + key.length + (answer.json?.length ?? 0);
    if (this.#youngBytes + bytes > this.#mostBytes / 2) {
      this.#recent ??= new Recent();
      this.#old = this.#young;
      this.#young = new Map();
      this.#front.fill(undefined);
      this.#youngBytes = 0;
    }
    this.#young.set(key, { key, answer });
    this.#youngBytes += bytes;
  }
}

/** The answers that were put last, most of them: two rows with one slot replace each other. */
class Recent {
  readonly #starts = new Int32Array(recentSlots).fill(-1);
  readonly #answers: (Answer | undefined)[] = Array.from({ length: recentSlots });

  get(start: number): Answer | undefined {
    const slot = slotOf(start);
    return this.#starts[slot] === start ? this.#answers[slot] : undefined;
  }

  put(start: number, answer: Answer): void {
    const slot = slotOf(start);
    this.#starts[slot] = start;
    this.#answers[slot] = answer;
  }
}

/** Short keys often differ in one character, so their characters are mixed. */
function frontSlotOf(key: string): number {
  let hash = key.length;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x9e3779b1);
  return hash >>> 19;
}

/** Rows often have one length, so their starts are mixed: the upper bits of a product depend on all of them. */
function slotOf(start: number): number {
  return Math.imul(start, 0x9e3779b1) >>> 20;
}
