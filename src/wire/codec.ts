import { RecordError } from '../core/errors.ts';
import { isJsonObject, parseJson, type JsonObject, type JsonValue } from '../core/json/json.ts';
import { excerptOfText } from './lines/excerpt.ts';
import { describeJsonFault, findJsonFault } from './json/json-fault.ts';
import { skipSpace } from './json/json-text.ts';
import { compilePlace, type Place } from './splice.ts';

export const errorPlace: Place = compilePlace(['_error']);
export const metaPlace: Place = compilePlace(['_meta']);

/** The record of a line. A line that is none gives its error, `invalid_json` or `not_an_object`; nothing is thrown. */
export function parseLine(line: string): JsonObject | RecordError {
  let value: JsonValue;
  try {
    value = parseJson(line);
  } catch (cause) {
    return invalidJson(line, cause);
  }
  if (isJsonObject(value)) return value;
  return notAnObject(line);
}

/** What `parseLine` finds wrong with a line; undefined for a record. No value is made of it. */
export function lineFault(line: string): RecordError | undefined {
  const fault = findJsonFault(line);
  if (fault !== undefined) return new RecordError('invalid_json', `${notJson}: ${describeJsonFault(line, fault)}`);
  return line[skipSpace(line, 0)] === '{' ? undefined : notAnObject(line);
}

const notJson = 'the line is not JSON';

function invalidJson(line: string, cause: unknown): RecordError {
  const fault = findJsonFault(line);
  const what = fault === undefined ? String(cause) : describeJsonFault(line, fault);
  return new RecordError('invalid_json', `${notJson}: ${what}`, { cause });
}

/** `line` is JSON: its first character says of what kind. */
function notAnObject(line: string): RecordError {
  const first = line[skipSpace(line, 0)] ?? '';
  const kind = kinds.get(first) ?? 'a number';
  return new RecordError('not_an_object', `a record is a JSON object, but the line is ${kind}`);
}

const kinds: ReadonlyMap<string, string> = new Map([
  ['[', 'an array'],
  ['"', 'a string'],
  ['t', 'a boolean'],
  ['f', 'a boolean'],
  ['n', 'null'],
]);

/** JSON source of a record's `_error`. `line` counts from 1. */
export function errorMember(error: RecordError, line: number): string {
  return JSON.stringify(errorObject(error, line));
}

/** A whole line for one that is no record: `_error` alone, with the first 256 bytes of what came. */
export function invalidLine(error: RecordError, line: number, input: string): string {
  return JSON.stringify({ _error: { ...errorObject(error, line), input: excerptOfText(input) } });
}

/** Members that are undefined are left out by `JSON.stringify`. */
function errorObject(error: RecordError, line: number): Readonly<Record<string, string | number | undefined>> {
  const { lookup, status, attempts } = error.details;
  return { code: error.code, message: error.message, lookup, status, attempts, line };
}
