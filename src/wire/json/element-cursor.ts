import { afterComma, endOfValue, skipSpace } from './json-text.ts';

const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** Reads the source of the elements of an array one after the other, and holds only its place. */
export class ElementCursor {
  readonly #text: string;
  readonly #first: number;
  #at: number;

  /** `text` is valid JSON without white space before it. A value that is not an array is its own only element. */
  constructor(text: string) {
    this.#text = text;
    this.#first = text.charCodeAt(0) === OPEN_ARRAY ? skipSpace(text, 1) : -1;
    this.#at = this.#first === -1 ? 0 : this.#first;
  }

  /** Undefined after the last element. */
  next(): string | undefined {
    const text = this.#text;
    const start = this.#at;
    if (this.#first === -1) {
      this.#at = text.length;
      return start === 0 ? text : undefined;
    }
    if (start >= text.length || text.charCodeAt(start) === CLOSE_ARRAY) return undefined;
    const end = endOfValue(text, start);
    this.#at = afterComma(text, end);
    return text.slice(start, end);
  }

  /** The next element is the first one. */
  rewind(): void {
    this.#at = this.#first === -1 ? 0 : this.#first;
  }
}
