import { canonicalNumber, isJsonNumber } from '../../core/json/json-number.ts';
import { Answer } from '../../lookup/lookup.ts';

/** One row of a table: its key, its JSON source on one line, and its place in the file, for messages. */
export interface Row {
  /** The text of the key; of a number its spelling. */
  readonly key: string;
  /** Whether the key is a JSON number. */
  readonly numeric: boolean;
  readonly json: string;
  readonly place: string;
}

/**
 * The rows of a table by their keys, each as an answer.
 *
 *     row {"id":"1.0"}   texts      "1.0"             a text finds the key with the same characters,
 *     row {"id":2}       numbers    "2"               a number also the one of the same value
 *     row {"id":3.10}    texts      "3.10"
 *                        values     "3.1"
 *
 * `numbers` has the numbers that are spelled canonically. Most numbers are, and need only this one entry.
 */
export class TableIndex {
  readonly #texts: ReadonlyMap<string, Answer>;
  readonly #numbers: ReadonlyMap<string, Answer>;
  readonly #values: ReadonlyMap<string, Answer>;
  /** Whether any key is a number. */
  readonly #numeric: boolean;

  constructor(
    texts: ReadonlyMap<string, Answer>,
    numbers: ReadonlyMap<string, Answer>,
    values: ReadonlyMap<string, Answer>,
  ) {
    this.#texts = texts;
    this.#numbers = numbers;
    this.#values = values;
    this.#numeric = numbers.size > 0 || values.size > 0;
  }

  /** Number of rows. */
  get size(): number {
    return this.#texts.size + this.#numbers.size;
  }

  /** `key` is a text, or the spelling of a number. */
  find(key: string, numeric: boolean): Answer | undefined {
    if (!this.#numeric) return this.#texts.get(key);
    const found = this.#numbers.get(key) ?? this.#texts.get(key);
    if (found !== undefined || !numeric) return found;
    const value = canonicalNumber(key);
    return (value === key ? undefined : this.#numbers.get(value)) ?? this.#values.get(value);
  }
}

/**
 * Collects rows. Throws Error for a row whose key another row has already: only their owner knows which one is right. A
 * text that spells the same number as a numeric key is refused as well: a number in a record could mean either row.
 */
export class TableIndexBuilder {
  readonly #texts = new Map<string, Answer>();
  readonly #numbers = new Map<string, Answer>();
  readonly #values = new Map<string, Answer>();
  /** The place in the file of the row with this text, or with a number of this spelling. */
  readonly #places = new Map<string, string>();
  /** Numeric keys that are not spelled canonically, by their value. */
  readonly #spellings = new Map<string, string>();
  /** Texts that spell a number, but not canonically, by their value. Several of them may have one value. */
  readonly #numericTexts = new Map<string, string>();

  get size(): number {
    return this.#places.size;
  }

  add({ key, numeric, json, place }: Row): void {
    const value = numeric || isJsonNumber(key) ? canonicalNumber(key) : undefined;
    const other = this.#places.has(key) ? key : value === undefined ? undefined : this.#equal(value, numeric);
    if (other !== undefined) throw new Error(this.#twice(place, key, other));
    this.#places.set(key, place);
    const answer = new Answer(json);
    if (numeric && value === key) this.#numbers.set(key, answer);
    else this.#texts.set(key, answer);
    if (value === undefined || value === key) return;
    if (numeric) {
      this.#values.set(value, answer);
      this.#spellings.set(value, key);
    } else {
      this.#numericTexts.set(value, key);
    }
  }

  build(): TableIndex {
    return new TableIndex(this.#texts, this.#numbers, this.#values);
  }

  /** The key of another row that a number of this value finds. Two texts are two keys: `1.0` and `1.00`. */
  #equal(value: string, numeric: boolean): string | undefined {
    if (this.#numbers.has(value)) return value;
    const number = this.#spellings.get(value);
    if (number !== undefined || !numeric) return number;
    return this.#texts.has(value) ? value : this.#numericTexts.get(value);
  }

  #twice(place: string, key: string, other: string): string {
    const there = this.#places.get(other) ?? '';
    if (other === key) return `${place} has the key ${JSON.stringify(key)}, which ${there} has already`;
    return `${place} has the key ${JSON.stringify(key)}, which is the same number as ${JSON.stringify(other)} of ${there}`;
  }
}
