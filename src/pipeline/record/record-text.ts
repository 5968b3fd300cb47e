import { RecordError } from '../../core/errors.ts';
import { resolvePointer } from '../../core/json/json-pointer.ts';
import { type JsonObject, type JsonValue, parseJson } from '../../core/json/json.ts';
import { isNumberSource } from '../../core/json/json-number.ts';
import { type Argument, RawJson } from '../../lookup/lookup.ts';
import { lineFault, parseLine } from '../../wire/codec.ts';
import { childOf, compact, locate, skipSpace } from '../../wire/json/json-text.ts';
import type { MemberSpans } from '../../wire/json/member-scan.ts';

/** The place of a value in a record: the tokens of its pointer, and the index of its top-level member in a scan (-1: none). */
export interface RecordPlace {
  readonly tokens: readonly string[];
  readonly scanIndex: number;
}

/** The value of a place that cannot be an argument: absent, or null. */
export type NoArgument = undefined | null;

/** Integers that JavaScript spells as the record does: at most 15 digits, and not `-0`. */
const plainInteger = /^(?:0|-?[1-9]\d{0,14})$/;

/**
 * From this many characters on, the values of a line are read in place and no object is made: parsing a line of 1 MiB
 * takes up to 80 ms, in which nothing else runs. For a shorter line, one parse is faster than a search for each value.
 */
const longLine = 64 * 1024;

/** The record of a line, or the fault of the line. */
export function recordOf(line: string): RecordText | RecordError {
  if (line.length > longLine) return lineFault(line) ?? new RecordText(line);
  const value = parseLine(line);
  return value instanceof RecordError ? value : new RecordText(line, value);
}

/**
 * A record, as its line, which is known to be a JSON object. Values are read from the text; the line is parsed only if
 * `value` is read.
 */
export class RecordText {
  readonly line: string;
  #value: JsonObject | undefined;

  constructor(line: string, value?: JsonObject) {
    this.line = line;
    this.#value = value;
  }

  /** Throws RecordError if the line is not a JSON object. */
  get value(): JsonObject {
    if (this.#value !== undefined) return this.#value;
    const parsed = parseLine(this.line);
    if (parsed instanceof RecordError) throw parsed;
    this.#value = parsed;
    return parsed;
  }

  /** The same record without line breaks between its tokens. */
  onOneLine(): RecordText {
    const line = compact(this.line);
    return line === this.line ? this : new RecordText(line, this.#value);
  }

  /** Drops the parsed value, which may take twenty times the memory of the line. A later use parses the line again. */
  dropValue(): void {
    this.#value = undefined;
  }

  /** `spans` are those of this line; undefined if no scan has read it. */
  has(place: RecordPlace, spans: MemberSpans | undefined): boolean {
    if (spans !== undefined && place.scanIndex >= 0) return spans.start(place.scanIndex) >= 0;
    const [name] = place.tokens;
    if (name === undefined) return true;
    if (this.#isReadInPlace) return childOf(this.line, skipSpace(this.line, 0), name)?.span !== undefined;
    return Object.hasOwn(this.value, name);
  }

  argument({ tokens, scanIndex }: RecordPlace, spans: MemberSpans | undefined): Argument | NoArgument {
    if (spans === undefined || scanIndex < 0) {
      return this.#isReadInPlace ? this.#locatedArgument(tokens) : this.#parsedArgument(tokens);
    }
    const start = spans.start(scanIndex);
    if (start < 0) return undefined;
    const end = spans.end(scanIndex);
    if (tokens.length === 1 && spans.isPlainString(scanIndex)) return this.line.slice(start + 1, end - 1);
    const member = this.line.slice(start, end);
    if (tokens.length === 1) return argumentOf(member);
    const span = locate(member, tokens.slice(1));
    return span === undefined ? undefined : argumentOf(member.slice(span.start, span.end));
  }

  /** The value at a place; undefined if it is absent. In a long line an object or array is returned as its JSON text. */
  at(tokens: readonly string[]): JsonValue | RawJson | undefined {
    return this.#isReadInPlace ? this.#locatedArgument(tokens) : resolvePointer(this.value, tokens);
  }

  get #isReadInPlace(): boolean {
    return this.#value === undefined && this.line.length > longLine;
  }

  #locatedArgument(tokens: readonly string[]): Argument | NoArgument {
    const span = locate(this.line, tokens);
    return span === undefined ? undefined : argumentOf(this.line.slice(span.start, span.end));
  }

  #parsedArgument(tokens: readonly string[]): Argument | NoArgument {
    const value: JsonValue | undefined = resolvePointer(this.value, tokens);
    if (value === undefined || value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    const span = locate(this.line, tokens);
    if (span === undefined) throw new Error(`a value that was parsed cannot be found: ${this.line.slice(0, 40)}`);
    return argumentOf(this.line.slice(span.start, span.end));
  }
}

/** The argument of a JSON text. A number that JavaScript would spell differently keeps its text. */
export function argumentOf(json: string): Argument | NoArgument {
  if (isNumberSource(json)) return plainInteger.test(json) ? Number(json) : new RawJson(json);
  if (json.startsWith('{') || json.startsWith('[')) return new RawJson(json);
  const value = parseJson(json);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  return new RawJson(json);
}
