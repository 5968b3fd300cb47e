import { RecordError } from '../core/errors.ts';
import { isJsonObject, parseJson, type JsonObject, type JsonValue } from '../core/json.ts';
import { excerptOfText } from './excerpt.ts';
import { describeJsonFault, findJsonFault } from './json-fault.ts';
import { compilePlace, type Place } from './splice.ts';

export const errorPlace: Place = compilePlace(['_error']);
export const metaPlace: Place = compilePlace(['_meta']);

/** The record of a line. A line that is none gives its error, `invalid_json` or `not_an_object`; nothing is thrown. */
export function parseLine(line: string): JsonObject | RecordError {
  let value: JsonValue;
  try {
    value = parseJson(line);
  } catch (cause) {
    const fault = findJsonFault(line);
    const what = fault === undefined ? String(cause) : describeJsonFault(line, fault);
    return new RecordError('invalid_json', `the line is not JSON: ${what}`, { cause });
  }
  if (isJsonObject(value)) return value;
  return new RecordError('not_an_object', `a record is a JSON object, but the line is ${kindOf(value)}`);
}

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

function kindOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return `a ${typeof value}`;
}
