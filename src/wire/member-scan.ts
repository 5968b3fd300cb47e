import { NOT_UNDERSTOOD, skipPlain, skipSpaces, skipString, skipValue } from './json-bytes.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Numbers that are kept of each name. */
const SPAN = 3;

/**
 * Checks that bytes are a JSON object, and finds some of its members, in one pass and without a value made.
 *
 *   names    k              x                   spans   [ start, end, is plain | -1, -1, -1 ]   relative to `from`
 *   bytes    {"k": 7, "origin": "SAT"}
 *                  ^^
 */
export class MemberScan {
  readonly #names: readonly Buffer[];
  readonly #spans: Int32Array;

  /** Names of top-level members. */
  constructor(names: readonly string[]) {
    this.#names = names.map((name) => Buffer.from(name));
    this.#spans = new Int32Array(SPAN * names.length);
  }

  /**
   * Whether `bytes` from `from` up to `end` are an object, with white space around it at the most. False also where
   * that is not clear without a parser: a name with an escape, nesting that is very deep. The spans hold until the
   * next call.
   */
  read(bytes: Uint8Array, from: number, end: number): boolean {
    const spans = this.#spans;
    // Of so few, `fill` costs more than the loop.
    for (let index = 0; index < spans.length; index++) spans[index] = -1;
    let at = skipSpaces(bytes, from);
    if (bytes[at] !== OPEN_OBJECT) return false;
    at = skipSpaces(bytes, at + 1);
    if (bytes[at] === CLOSE_OBJECT) return closes(bytes, at, end);
    for (;;) {
      if (bytes[at] !== QUOTE) return false;
      const name = at + 1;
      at = skipPlain(bytes, name);
      if (bytes[at] !== QUOTE) return false;
      const wanted = this.#wanted(bytes, name, at);
      at++;
      // Most lines have no white space here, or one space: looked at before the loop over them is called.
      if ((bytes[at] as number) <= SPACE) at = skipSpaces(bytes, at);
      if (bytes[at] !== COLON) return false;
      at++;
      if (bytes[at] === SPACE) at++;
      if ((bytes[at] as number) <= SPACE) at = skipSpaces(bytes, at);
      const value = at;
      let isPlain = 0;
      if (bytes[at] === QUOTE) {
        at = skipPlain(bytes, at + 1);
        if (bytes[at] === QUOTE) {
          isPlain = 1;
          at++;
        } else at = skipString(bytes, at);
      } else at = skipValue(bytes, at, 0);
      if (at === NOT_UNDERSTOOD) return false;
      if (wanted >= 0) {
        spans[SPAN * wanted] = value - from;
        spans[SPAN * wanted + 1] = at - from;
        spans[SPAN * wanted + 2] = isPlain;
      }
      if ((bytes[at] as number) <= SPACE) at = skipSpaces(bytes, at);
      if (bytes[at] === CLOSE_OBJECT) return closes(bytes, at, end);
      if (bytes[at] !== COMMA) return false;
      at++;
      if (bytes[at] === SPACE) at++;
      if ((bytes[at] as number) <= SPACE) at = skipSpaces(bytes, at);
    }
  }

  /** Where the value of the name at `index` begins; -1 where there is no such member. Of several, the last counts. */
  start(index: number): number {
    return this.#spans[SPAN * index] ?? -1;
  }

  end(index: number): number {
    return this.#spans[SPAN * index + 1] ?? -1;
  }

  /** Whether the value is a string without escapes. */
  isPlainString(index: number): boolean {
    return this.#spans[SPAN * index + 2] === 1;
  }

  #wanted(bytes: Uint8Array, start: number, end: number): number {
    const names = this.#names;
    for (let index = 0; index < names.length; index++) {
      const name = names[index];
      if (name === undefined || name.length !== end - start) continue;
      let at = 0;
      while (at < name.length && name[at] === bytes[start + at]) at++;
      if (at === name.length) return index;
    }
    return UNWANTED;
  }
}

const UNWANTED = -1;

/** White space may lead into the next line: a brace there closes nothing here. */
function closes(bytes: Uint8Array, at: number, end: number): boolean {
  return at < end && skipSpaces(bytes, at + 1) >= end;
}
