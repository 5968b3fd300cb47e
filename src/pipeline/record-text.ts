import { RecordError } from '../core/errors.ts';
import { resolvePointer } from '../core/json-pointer.ts';
import { type JsonObject, type JsonValue, parseJson } from '../core/json.ts';
import { type Argument, RawJson } from '../lookup/lookup.ts';
import { parseLine } from '../wire/codec.ts';
import { locate } from '../wire/json-text.ts';
import type { MemberScan } from '../wire/member-scan.ts';

/** Where a value of the record is taken from: a pointer, and where a scan has its first member (-1: it has not). */
export interface Source {
  readonly tokens: readonly string[];
  readonly scanned: number;
}

/** A value that can not be an argument: there is none, or it is null. */
export type NoArgument = undefined | null;

/** The spelling of most numbers that are arguments: at most 15 digits, which a number holds. */
const plainInteger = /^(?:0|[1-9]\d{0,14})$/;

/**
 * A record as its line, which is known to be a JSON object. Its values are read where they stand:
 * an object is made of the line only for those that ask for it.
 */
export class RecordText {
  readonly line: string;
  #value: JsonObject | undefined;

  constructor(line: string, value?: JsonObject) {
    this.line = line;
    this.#value = value;
  }

  /** Throws RecordError where the line is no JSON object after all. */
  get value(): JsonObject {
    if (this.#value !== undefined) return this.#value;
    const parsed = parseLine(this.line);
    if (parsed instanceof RecordError) throw parsed;
    this.#value = parsed;
    return parsed;
  }

  /** `scan` is one that has just read this line, or undefined. */
  has(source: Source, scan: MemberScan | undefined): boolean {
    const [name] = source.tokens;
    if (name === undefined) return true;
    return scan === undefined || source.scanned < 0 ? Object.hasOwn(this.value, name) : scan.start(source.scanned) >= 0;
  }

  argument({ tokens, scanned }: Source, scan: MemberScan | undefined): Argument | NoArgument {
    if (scan === undefined || scanned < 0 || tokens.length !== 1) return this.#parsedArgument(tokens);
    const start = scan.start(scanned);
    if (start < 0) return undefined;
    const end = scan.end(scanned);
    return scan.isPlainString(scanned) ? this.line.slice(start + 1, end - 1) : argumentOf(this.line.slice(start, end));
  }

  #parsedArgument(tokens: readonly string[]): Argument | NoArgument {
    const value: JsonValue | undefined = resolvePointer(this.value, tokens);
    if (value === undefined || value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (isExact(value)) return value;
    const span = locate(this.line, tokens);
    return new RawJson(span === undefined ? JSON.stringify(value) : this.line.slice(span.start, span.end));
  }
}

/** The argument that a JSON value's source is. */
function argumentOf(source: string): Argument | NoArgument {
  if (plainInteger.test(source)) return Number(source);
  const value = parseJson(source);
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || isExact(value)) return value;
  return new RawJson(source);
}

/** A number that JavaScript holds as it was written, but for its spelling. */
function isExact(value: JsonValue): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && !Object.is(value, -0);
}
