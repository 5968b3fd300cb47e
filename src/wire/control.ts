import { RequestError } from '../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../core/json/json.ts';
import type { BadLine } from './lines/bad-line.ts';
import { excerptOfText } from './lines/excerpt.ts';
import { describeJsonFault, findJsonFault } from './json/json-fault.ts';
import { memberNames } from './json/json-text.ts';

/**
 * Lines about the stream, which are not records: objects whose first member's name begins with `$`. They exist only in a
 * stream with `control=true`; in any other stream such an object is a record.
 *
 *   in    {"$resume":{"next":n,"pending":[…]}}       only as the first line, which does not count as a line
 *   both  {"$watermark":any JSON}
 *   out   {"$checkpoint":{"next":n,"pending":[…]}}
 *   out   {"$summary":{…}}  or  {"$fatal":{…}}       the last line
 */
export interface LineCheckpoint {
  /** Every line before this one, counted from 0, is done, except the pending ones. */
  readonly next: number;
  /** Ascending. */
  readonly pending: readonly number[];
}

/**
 * The highest number that `offset`, `next` and `pending` may name. Numbers are exact up to 2^53, nine times as much: a
 * stream that begins here can count another 8 * 10^15 lines before two of them would get the same number.
 */
export const MAX_LINE_NUMBER = 1e15;

const firstMember = /^\s*\{\s*"\$/;
const resumeFirst = /^\s*\{\s*"\$resume"/;
const expected = 'expected {"$watermark": …} and nothing beside it';

/** Whether a line is a control line, valid or not. Reads only its first characters. */
export function isControlLine(line: string): boolean {
  return firstMember.test(line);
}

export function isResumeLine(line: string): boolean {
  return resumeFirst.test(line);
}

/** The fault of a control line of the input; undefined for a watermark. Makes no value of the line, however large it is. */
export function watermarkFault(line: string): BadLine | undefined {
  const fault = findJsonFault(line);
  if (fault !== undefined) {
    const message = `the control line is not JSON: ${describeJsonFault(line, fault)}; ${expected}`;
    return { code: 'invalid_json', message, input: excerptOfText(line) };
  }
  const names = [...new Set(memberNames(line))];
  if (names.length === 1 && names[0] === '$watermark') return undefined;
  return { code: 'not_an_object', message: membersFault(names), input: excerptOfText(line) };
}

function membersFault(names: readonly string[]): string {
  const control = names.find((name) => name.startsWith('$')) ?? '$';
  if (control === '$resume') return `$resume is the first line of a body, and this line is a later one; ${expected}`;
  if (control === '$watermark') return `$watermark has ${names.length - 1} more members beside it; ${expected}`;
  return `the input has no control line ${control}; ${expected}; without control=true this line is a record`;
}

/** The checkpoint of a `$resume` line. Throws RequestError `bad_resume`. */
export function parseResume(line: string): LineCheckpoint {
  let value: JsonValue;
  try {
    value = parseJson(line);
  } catch {
    throw badResume('the line of $resume is not JSON');
  }
  if (!isJsonObject(value) || Object.keys(value).length !== 1) throw badResume('other members stand beside $resume');
  const { next, pending, ...otherMembers } = objectOr(value['$resume']);
  const surplus = Object.keys(otherMembers)[0];
  if (surplus !== undefined) throw badResume(`$resume.${surplus} is unknown`);
  if (next === undefined) throw badResume('$resume.next is missing');
  if (!isIndex(next)) throw badResume(`$resume.next is ${shown(next)}, not a line number from 0 to ${MAX_LINE_NUMBER}`);
  if (pending === undefined) throw badResume('$resume.pending is missing');
  if (!isList(pending)) throw badResume(`$resume.pending is ${shown(pending)}, not a list`);
  const indices: number[] = [];
  for (const seq of pending) {
    if (!isIndex(seq) || seq >= next) throw badResume(`$resume.pending has ${shown(seq)}, not a line before ${next}`);
    if (seq <= (indices.at(-1) ?? -1)) throw badResume(`$resume.pending is not ascending at ${seq}`);
    indices.push(seq);
  }
  return { next, pending: indices };
}

export function badResume(fault: string): RequestError {
  const remedy = 'copy the value of the last $checkpoint, such as {"$resume":{"next":1000,"pending":[997,998]}}';
  return new RequestError('bad_resume', `${fault}; ${remedy}`);
}

export function checkpointLine(checkpoint: LineCheckpoint): string {
  return JSON.stringify({ $checkpoint: checkpoint });
}

export function summaryLine(summary: object): string {
  return JSON.stringify({ $summary: summary });
}

export function fatalLine(problem: object): string {
  return JSON.stringify({ $fatal: problem });
}

function objectOr(value: JsonValue = null): JsonObject {
  if (isJsonObject(value)) return value;
  throw badResume(`$resume is ${shown(value)}, not an object`);
}

function isIndex(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_LINE_NUMBER;
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function shown(value: JsonValue): string {
  if (isJsonObject(value)) return 'an object';
  return isList(value) ? 'an array' : JSON.stringify(value).slice(0, 40);
}
