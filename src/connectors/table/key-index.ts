import { freeMemory } from '../../core/free-memory.ts';
import { hashOf, type RowReader } from './rows/row-reader.ts';

/** The rows of a file, by their number. The arrays may be longer: memory that is not written takes no room. */
export interface Rows {
  /** Where each row starts. */
  readonly starts: Uint32Array;
  /** The hash of each key. */
  readonly hashes: Int32Array;
  readonly size: number;
}

/**
 * Finds the row with a key, in 16 bytes for each row.
 *
 *     hash of a key, modulo the number of slots ──▶ slots   [ 0 | 2 | 0 | 3 | 1 | 0 | 0 ]    1 + index of a row, 0 is free
 *                                                   hashes  [ … | … | … ]                  by row
 *                                                   starts  [ 9 | 21 | 33 ]                where each row starts in the file
 *
 * A row whose slot is taken has the next free one. The keys stay in the file: they are compared if the hashes are equal.
 */
export class KeyIndex {
  readonly #reader: RowReader;
  /** Number of rows. */
  readonly size: number;
  readonly #starts: Uint32Array;
  readonly #hashes: Int32Array;
  readonly #slots: Uint32Array;

  constructor(reader: RowReader, { starts, hashes, size }: Rows) {
    this.size = size;
    this.#reader = reader;
    this.#starts = starts;
    this.#hashes = hashes;
    this.#slots = new Uint32Array(2 * size + 1);
  }

  /** Where the row starts; -1 if no row has the key. Only rows that were inserted are found. */
  find(key: string): number {
    const slot = this.#slotOf(key, hashOf(key));
    const row = this.#slots[slot] as number;
    return row === 0 ? -1 : this.startOf(row - 1);
  }

  /** Frees its memory. The index must not be used any more. */
  free(): void {
    for (const numbers of [this.#starts, this.#hashes, this.#slots]) freeMemory(numbers);
  }

  startOf(row: number): number {
    return this.#starts[row] as number;
  }

  /** Where another row with the same key starts, which was inserted before; -1 if there is none. */
  insert(row: number): number {
    const slots = this.#slots;
    const hash = this.#hashes[row] as number;
    let slot = hash % slots.length;
    let key: string | undefined;
    for (let other = slots[slot] as number; other !== 0; other = slots[slot] as number) {
      if (this.#hashes[other - 1] === hash) {
        key ??= this.#reader.keyAt(this.startOf(row)).text;
        if (this.#reader.keyAt(this.startOf(other - 1)).text === key) return this.startOf(other - 1);
      }
      slot = slot + 1 === slots.length ? 0 : slot + 1;
    }
    slots[slot] = row + 1;
    return -1;
  }

  /** The slot of the row with this key, or a free one. */
  #slotOf(key: string, hash: number): number {
    const slots = this.#slots;
    let slot = hash % slots.length;
    for (let row = slots[slot] as number; row !== 0; row = slots[slot] as number) {
      if (this.#hashes[row - 1] === hash && this.#reader.keyAt(this.startOf(row - 1)).text === key) return slot;
      slot = slot + 1 === slots.length ? 0 : slot + 1;
    }
    return slot;
  }
}
