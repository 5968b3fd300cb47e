import { RecordError } from '../core/errors.ts';
import { isJsonObject, parseJson, type JsonObject, type JsonValue } from '../core/json/json.ts';
import { excerptOfText } from './lines/excerpt.ts';
import { describeJsonFault, findJsonFault } from './json/json-fault.ts';
import { skipSpace } from './json/json-text.ts';
import { compilePlace, type Place } from './splice.ts';

export const errorPlace: Place = compilePlace(['_error']);
export const metaPlace: Place = compilePlace(['_meta']);

/** The record of a line; for a line that is not a record its error, `invalid_json` or `not_an_object`. Never throws. */
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

/** The error that `parseLine` returns for a line; undefined for a record. Makes no value of the line. */
export function lineFault(line: string): RecordError | undefined {
  const fault = findJsonFault(line);
  if (fault !== undefined) return new RecordError('invalid_json', `${notJson}: ${describeJsonFault(line, fault)}`);
  return line[skipSpace(line, 0)] === '{' ? undefined : notAnObject(line);
}

const notJson = 'the line is not JSON';

function invalidJson(line: string, cause: unknown): RecordError {
  const fault = findJsonFault(line);
  const description = fault === undefined ? String(cause) : describeJsonFault(line, fault);
  return new RecordError('invalid_json', `${notJson}: ${description}`, { cause });
}

/** `line` is JSON; its first character determines the kind of value. */
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

/** JSON text of a record's `_error`. `line` counts from 1. */
export function errorMember(error: RecordError, line: number): string {
  return JSON.stringify(errorObject(error, line));
}

/** The output line for an input line that is not a record: `_error` alone, with the first 256 bytes of the input. */
export function invalidLine(error: RecordError, line: number, input: string): string {
  return JSON.stringify({ _error: { ...errorObject(error, line), input: excerptOfText(input) } });
}

/** `JSON.stringify` leaves out members that are undefined. */
function errorObject(error: RecordError, line: number): Readonly<Record<string, string | number | undefined>> {
  const { lookup, status, attempts } = error.details;
  return { code: error.code, message: error.message, lookup, status, attempts, line };
}
