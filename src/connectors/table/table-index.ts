import { canonicalNumber } from '../../core/json/json-number.ts';
import { Answer } from '../../lookup/lookup.ts';
import { HotAnswers } from './hot-answers.ts';
import type { KeyIndex } from './key-index.ts';
import type { RowReader } from './rows/row-reader.ts';

/** Memory for the answers that are kept of each table, in bytes: some 80,000 answers of 60 characters. */
const answersBytes = 16 * 1024 * 1024;

/** How the numbers among the keys are found. */
export interface NumberKeys {
  /** Whether any key is a number. */
  readonly numeric: boolean;
  /** Where rows start whose key is a number that is not spelled canonically, by its value. */
  readonly values: ReadonlyMap<string, number>;
}

/**
 * The rows of a table by their keys. An answer is made of the bytes of its row when the row is found, and kept if there is
 * room.
 *
 *     row {"id":"1.0"}   index      "1.0"             a text finds the key with the same characters,
 *     row {"id":2}                  "2"               a number also the one of the same value
 *     row {"id":3.10}               "3.10"
 *                        values     "3.1"
 *
 * `values` has only the numbers that are not spelled canonically. Most numbers are.
 */
export class TableIndex {
  readonly #reader: RowReader;
  readonly #keys: KeyIndex;
  readonly #numbers: NumberKeys;
  readonly #answers: HotAnswers;

  constructor(reader: RowReader, keys: KeyIndex, numbers: NumberKeys) {
    this.#reader = reader;
    this.#keys = keys;
    this.#numbers = numbers;
    this.#answers = new HotAnswers(answersBytes, (start) => reader.keyAt(start).text);
  }

  /** Number of rows. */
  get size(): number {
    return this.#keys.size;
  }

  /** Frees the memory of the rows and of their keys. The index must not be used any more. */
  free(): void {
    this.#reader.free();
    this.#keys.free();
  }

  /** `key` is a text, or the spelling of a number. */
  find(key: string, numeric: boolean): Answer | undefined {
    return this.#answers.get(key) ?? this.#findRow(key, numeric);
  }

  #findRow(key: string, numeric: boolean): Answer | undefined {
    const start = this.#keys.find(key);
    if (start >= 0) return this.#answerAt(start);
    if (!numeric || !this.#numbers.numeric) return undefined;
    const equal = this.#equalNumber(key);
    if (equal < 0) return undefined;
    return this.#answers.get(this.#reader.keyAt(equal).text) ?? this.#answerAt(equal);
  }

  /** Where the row starts whose key is this number, spelled differently; -1 if there is none. */
  #equalNumber(spelling: string): number {
    const value = canonicalNumber(spelling);
    const canonical = value === spelling ? -1 : this.#keys.find(value);
    if (canonical >= 0 && this.#reader.keyAt(canonical).numeric) return canonical;
    return this.#numbers.values.get(value) ?? -1;
  }

  /** The answer of a row that is not kept. */
  #answerAt(start: number): Answer {
    const recent = this.#answers.again(start);
    if (recent !== undefined) return recent;
    const answer = new Answer(this.#reader.jsonAt(start));
    this.#answers.put(start, answer);
    return answer;
  }
}
