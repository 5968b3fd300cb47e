/**
 * First in, first out, in the simplest form: an array, and the number of its items that were taken.
 *
 *     items   [ used | used | head | … ]
 */
export class Line<Item> {
  #items: Item[] = [];
  #used = 0;

  get size(): number {
    return this.#items.length - this.#used;
  }

  get head(): Item | undefined {
    return this.#items[this.#used];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.head;
    if (item === undefined) return undefined;
    this.#used++;
    if (this.#used > 64 && this.#used * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#used);
      this.#used = 0;
    }
    return item;
  }
}
