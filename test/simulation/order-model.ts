import { Line } from './line.ts';
import type { Mode } from './plan.ts';
import type { RecordState } from './record-state.ts';
import type { Rules } from './rules.ts';

/** The content of a slot: a record, or the number of a watermark. */
export type Item = RecordState | number;

/** The records between two watermarks. */
export interface Stretch {
  incomplete: number;
  readonly complete: Line<RecordState>;
  /** The watermark that ends it, once it was admitted. */
  watermark: number | undefined;
}

function stretch(): Stretch {
  return { incomplete: 0, complete: new Line(), watermark: undefined };
}

/** Which slots may be emitted next, by O1 to O5, and how many are taken, by C2 and C3. */
export class OrderModel {
  readonly #mode: Mode;
  readonly #capacity: number;
  readonly #rules: Rules;
  readonly #items = new Line<Item>();
  readonly #stretches = new Line<Stretch>();
  #newest = stretch();
  size = 0;

  constructor(mode: Mode, capacity: number, rules: Rules) {
    this.#mode = mode;
    this.#capacity = capacity;
    this.#rules = rules;
    this.#stretches.push(this.#newest);
  }

  /** The rule that is broken if a slot that may be emitted now is not; undefined if no slot may be emitted. */
  get next(): string | undefined {
    if (this.#mode === 'ordered') {
      const head = this.#items.head;
      if (head === undefined) return undefined;
      if (typeof head === 'number') return 'O5';
      return head.phase === 'complete' ? 'O1' : undefined;
    }
    const head = this.#stretches.head;
    if (head === undefined) return undefined;
    if (head.complete.size > 0) return this.#mode === 'keyed' ? 'O3' : 'O2';
    return head.incomplete === 0 && head.watermark !== undefined ? 'O5' : undefined;
  }

  put(item: Item): void {
    this.size++;
    if (this.size > this.#capacity) {
      this.#rules.broken('C2', `${this.size} slots are taken, capacity is ${this.#capacity}`);
    }
    if (this.#mode === 'ordered') return this.#items.push(item);
    if (typeof item !== 'number') {
      item.stretch = this.#newest;
      this.#newest.incomplete++;
      return;
    }
    this.#newest.watermark = item;
    this.#newest = stretch();
    this.#stretches.push(this.#newest);
  }

  complete(record: RecordState): void {
    if (record.stretch === undefined) return;
    record.stretch.incomplete--;
    record.stretch.complete.push(record);
  }

  take(item: Item): void {
    this.size--;
    const wrong = this.#mode === 'ordered' ? this.#takeInOrder(item) : this.#takeComplete(item);
    if (wrong !== undefined)
      this.#rules.broken(this.#mode === 'ordered' ? 'O1' : wrong, `${nameOf(item)} came out of turn`);
  }

  #takeInOrder(item: Item): string | undefined {
    return this.#items.shift() === item ? undefined : 'O1';
  }

  #takeComplete(item: Item): string | undefined {
    const head = this.#stretches.head;
    if (head === undefined) return 'O2';
    if (typeof item !== 'number') {
      return head.complete.shift() === item ? undefined : 'O2';
    }
    this.#stretches.shift();
    return head.watermark === item && head.incomplete === 0 && head.complete.size === 0 ? undefined : 'O2';
  }
}

export function nameOf(item: Item): string {
  return typeof item === 'number' ? `watermark ${item}` : `record ${item.seq}`;
}
