/**
 * First in, first out, in a ring of slots that doubles when it is full.
 *
 *     items   [ d | e |   |   | a | b | c |   ]     mask = length - 1
 *                   ^           ^
 *            head + size      head                  index = (head + i) & mask
 *
 * Every operation is O(1), growing amortised. A slot is emptied when it is read, so that the item can be collected.
 */
const initialLength = 16;

export class Fifo<Item> {
  #items: (Item | undefined)[] = Array.from({ length: initialLength });
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: Item): void {
    if (this.#size === this.#items.length) this.#grow();
    this.#items[(this.#head + this.#size) & (this.#items.length - 1)] = item;
    this.#size++;
  }

  /** Removes and returns the oldest item; undefined if the queue is empty. */
  shift(): Item | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#size--;
    return item;
  }

  /** The oldest item, without removing it; undefined if the queue is empty. */
  peek(): Item | undefined {
    return this.#size === 0 ? undefined : this.#items[this.#head];
  }

  clear(): void {
    this.#items = Array.from({ length: initialLength });
    this.#head = 0;
    this.#size = 0;
  }

  /** Oldest first. Items that are pushed or removed during the iteration may or may not be seen. */
  *[Symbol.iterator](): Generator<Item> {
    const mask = this.#items.length - 1;
    const items = this.#items;
    for (let index = 0; index < this.#size; index++) {
      const item = items[(this.#head + index) & mask];
      if (item !== undefined) yield item;
    }
  }

  #grow(): void {
    const old = this.#items;
    const items: (Item | undefined)[] = Array.from({ length: old.length * 2 });
    for (let index = 0; index < old.length; index++) items[index] = old[(this.#head + index) & (old.length - 1)];
    this.#items = items;
    this.#head = 0;
  }
}
