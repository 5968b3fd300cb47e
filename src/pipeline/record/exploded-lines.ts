import { ElementCursor } from '../../wire/json/element-cursor.ts';
import { metaPlace } from '../../wire/codec.ts';
import { compilePlace, type Place } from '../../wire/splice.ts';

/** The answer of one step, and its place. */
export interface ExplodedPart {
  readonly place: Place;
  /** The record is known to have no member of the place's first token. */
  readonly absent: boolean;
  /** Undefined: the step puts nothing into the record. */
  readonly json: string | undefined;
}

/**
 * The lines of one record with `explode`: one line for each combination of elements, made by `next`.
 *
 *     answers    [a, b]    [x, y, z]
 *     texts      record ▶ record+a ▶ record+a+x       the last answer advances with each line
 *     lines      a x, a y, a z, b x, b y, b z
 *
 * Only the record, its answers and one line are held, however many lines there are.
 */
export class ExplodedLines implements Iterable<string> {
  readonly #parts: readonly ExplodedPart[];
  readonly #cursors: readonly (ElementCursor | undefined)[];
  readonly #texts: string[];
  readonly #meta: string | undefined;
  /** Index of the part that the next element is taken from; -1 after the last line. */
  #depth = 0;
  /** For a part that puts nothing into the record: whether its one text is still to come. */
  readonly #textToCome: boolean[];

  /** Throws RecordError `not_an_object` if one of the lines cannot be made. */
  constructor(line: string, parts: readonly ExplodedPart[], meta?: string) {
    this.#parts = parts;
    this.#cursors = parts.map(({ json }) => (json === undefined ? undefined : new ElementCursor(json)));
    this.#texts = [line];
    this.#textToCome = parts.map(() => true);
    this.#meta = meta;
    // With an empty answer no line is made, whatever the other answers hold.
    if (this.#cursors.some((cursor) => cursor !== undefined && isEmpty(cursor))) this.#depth = -1;
    else checkPlaces(line, parts);
  }

  /** Characters that are held. */
  get heldChars(): number {
    return this.#parts.reduce((sum, { json }) => sum + (json?.length ?? 0), this.#texts[0]?.length ?? 0);
  }

  /** The same lines, from the first one on, each with this `_meta`. */
  fromStart(meta?: string): ExplodedLines {
    return new ExplodedLines(this.#texts[0] ?? '', this.#parts, meta);
  }

  /** The next line; undefined after the last one. */
  next(): string | undefined {
    while (this.#depth >= 0) {
      const depth = this.#depth;
      const text = this.#advance(depth, this.#texts[depth] ?? '');
      if (text === undefined) {
        this.#depth -= 1;
      } else if (depth === this.#parts.length - 1) {
        return this.#meta === undefined ? text : metaPlace.splice(text, false, this.#meta);
      } else {
        this.#depth += 1;
        this.#texts[this.#depth] = text;
        this.#cursors[this.#depth]?.rewind();
        this.#textToCome[this.#depth] = true;
      }
    }
    return undefined;
  }

  *[Symbol.iterator](): Generator<string> {
    for (let line = this.next(); line !== undefined; line = this.next()) yield line;
  }

  /** The text with the next element of a part in it; undefined if there is none. */
  #advance(depth: number, text: string): string | undefined {
    const part = this.#parts[depth];
    const cursor = this.#cursors[depth];
    if (part === undefined) return undefined;
    if (cursor === undefined) {
      const toCome = this.#textToCome[depth];
      this.#textToCome[depth] = false;
      return toCome === true ? text : undefined;
    }
    const element = cursor.next();
    return element === undefined ? undefined : part.place.splice(text, part.absent, element);
  }
}

function isEmpty(cursor: ElementCursor): boolean {
  const empty = cursor.next() === undefined;
  cursor.rewind();
  return empty;
}

/**
 * Makes the first line. If a part is put below an earlier part, checks every element of the earlier one: no other splice
 * depends on the elements. So a record fails before its first line is written, or not at all.
 */
function checkPlaces(line: string, parts: readonly ExplodedPart[]): void {
  let first = line;
  for (const [index, { place, absent, json }] of parts.entries()) {
    if (json === undefined) continue;
    const outer = nearestOuter(parts.slice(0, index), place.tokens);
    if (outer !== undefined) checkElements(line, outer, place);
    const element = new ElementCursor(json).next();
    if (element !== undefined) first = place.splice(first, absent, element);
  }
}

/** The earlier part whose place contains this place. */
function nearestOuter(earlier: readonly ExplodedPart[], tokens: readonly string[]): ExplodedPart | undefined {
  return earlier
    .filter(({ json, place }) => json !== undefined && place.tokens.every((token, at) => tokens[at] === token))
    .toSorted((a, b) => b.place.tokens.length - a.place.tokens.length)[0];
}

function checkElements(line: string, { place: outer, json = '' }: ExplodedPart, place: Place): void {
  const below = compilePlace(place.tokens.slice(outer.tokens.length));
  const cursor = new ElementCursor(json);
  for (let element = cursor.next(); element !== undefined; element = cursor.next()) {
    try {
      below.splice(element, false, 'null');
    } catch {
      // The message names the whole place.
      place.splice(outer.splice(line, false, element), false, 'null');
    }
  }
}
