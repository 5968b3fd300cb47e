import { canonicalNumber, isNumberSource } from '../../../core/json/json-number.ts';
import { parsePointer } from '../../../core/json/json-pointer.ts';
import { Answer, type Arguments, RawJson, type Reply } from '../../../lookup/lookup.ts';
import { compact, elements, locate, members, type Span, unquoted } from '../../../wire/json/json-text.ts';
import { scalarText } from '../../template/argument.ts';
import type { AnswerHead } from '../client/answer-head.ts';
import { badResponse, checkedText, checkHead, isMiss, type AnswerRules } from '../http-answer.ts';
import type { HttpBatchOptions } from './http-batch-options.ts';

const miss = new Answer(undefined);
const LF = 0x0a;

/** How the answers of a batch are found in its body. */
export interface BatchRules {
  readonly rules: AnswerRules;
  readonly format: HttpBatchOptions['format'];
  readonly items: string;
  readonly itemsTokens: readonly string[];
  readonly key: string | undefined;
  readonly keyTokens: readonly string[];
  /** The only argument of the lookup; undefined if it has several. */
  readonly argument: string | undefined;
}

export function batchRules(rules: AnswerRules, batch: HttpBatchOptions, parameters: readonly string[]): BatchRules {
  const { format, items, key } = batch;
  return {
    rules,
    format,
    items,
    itemsTokens: parsePointer(items),
    key: key ?? undefined,
    keyTokens: parsePointer(key ?? ''),
    argument: parameters.length === 1 ? parameters[0] : undefined,
  };
}

/**
 * One reply for each request, cut out of the body, so that each answer keeps its spelling.
 *
 *     array, ndjson   by `key`: in any order, others are ignored, an absent one is a miss; else by place
 *     object          its members are named by the argument
 *
 * An answer that is `null` is a miss. Throws RecordError `bad_status` or `bad_response` if there are no answers.
 */
export function readBatch(
  batch: BatchRules,
  head: AnswerHead,
  body: Buffer,
  requests: readonly Arguments[],
): readonly Reply<Answer>[] {
  const { rules, argument } = batch;
  if (isMiss(rules, head)) return requests.map(() => miss);
  checkHead(rules, head, body);
  const found = batch.format === 'ndjson' ? linesOf(rules, head, body) : itemsOf(batch, head, body);
  if (found instanceof Map) {
    if (batch.key !== undefined) throw badResponse(rules, head, objectWithKey(batch));
    if (argument === undefined)
      throw badResponse(
        rules,
        head,
        `the answers are an object; expected an array, because the lookup has several arguments`,
      );
    return requests.map((args) => replyOf(rules, head, found.get(textOf(args, argument))));
  }
  if (batch.key !== undefined && argument !== undefined) {
    const byKey = keyed(batch, head, found);
    return requests.map((args) => replyOf(rules, head, answerFor(byKey, argument, args)));
  }
  if (found.length !== requests.length) {
    const message = `the answer has ${found.length} items for ${requests.length} requests: set batch.http.key, or answer each request in its place`;
    throw badResponse(rules, head, message);
  }
  return found.map((item) => replyOf(rules, head, item));
}

function objectWithKey({ items, key }: BatchRules): string {
  const place = items === '' ? 'the answer is' : `the value at "${items}" (batch.http.items) is`;
  return `${place} an object, but batch.http.key "${key}" is in the items of an array: set batch.http.items to the place of the array, or remove the key if the members are named by the argument`;
}

/** The source of each item: of an array in order, of an object by name. */
function itemsOf(
  { rules, items, itemsTokens }: BatchRules,
  head: AnswerHead,
  body: Buffer,
): string[] | Map<string, string> {
  const text = checkedText(rules, head, body);
  const span = locate(text, itemsTokens);
  if (span === undefined) throw badResponse(rules, head, `the answer has no value at "${items}" (batch.http.items)`);
  const source = cut(text, span);
  if (source.startsWith('[')) return elements(source);
  if (source.startsWith('{')) return members(source);
  const place = items === '' ? 'the answer' : `the value at "${items}" (batch.http.items)`;
  throw badResponse(rules, head, `${place} is neither an array nor an object: ${shown(source)}`);
}

function linesOf(rules: AnswerRules, head: AnswerHead, body: Buffer): string[] {
  // See http-answer: a connection that an attacker ended would look like answers that are not there.
  if (rules.tls && head.untilClose)
    throw badResponse(rules, head, 'the answer has no length: over TLS it is not known whether all lines have come');
  const lines: string[] = [];
  for (let from = 0; from < body.length;) {
    const end = body.indexOf(LF, from);
    const line = body.subarray(from, end < 0 ? body.length : end);
    from = end < 0 ? body.length : end + 1;
    const text = line.toString('utf8').trim();
    if (text !== '') lines.push(checkedText(rules, head, line).trim());
  }
  return lines;
}

/**
 * The items by their key: a text by `=text`, a number by `=` and its spelling, and by `#` and its value. Of two items
 * with one key the first one counts.
 */
function keyed(
  { rules, key = '', keyTokens }: BatchRules,
  head: AnswerHead,
  items: readonly string[],
): Map<string, string> {
  const byKey = new Map<string, string>();
  const add = (name: string, item: string): void => {
    if (!byKey.has(name)) byKey.set(name, item);
  };
  for (const item of items) {
    if (item === 'null') continue;
    const span = locate(item, keyTokens);
    const source = span === undefined ? undefined : cut(item, span);
    if (source === undefined || /^[[{n]/.test(source))
      throw badResponse(rules, head, `an item has no text or number at "${key}" (batch.http.key): ${shown(item)}`);
    add(`=${source.startsWith('"') ? unquoted(source) : source}`, item);
    if (isNumberSource(source)) add(`#${canonicalNumber(source)}`, item);
  }
  return byKey;
}

function answerFor(byKey: ReadonlyMap<string, string>, name: string, args: Arguments): string | undefined {
  const text = textOf(args, name);
  const exact = byKey.get(`=${text}`);
  if (exact !== undefined || typeof args[name] === 'string' || typeof args[name] === 'boolean') return exact;
  return byKey.get(`#${canonicalNumber(text)}`);
}

/** The text that finds the item of an argument; no item is named by an object or an array. */
function textOf(args: Arguments, name: string): string {
  const argument = args[name];
  return argument instanceof RawJson ? argument.source : scalarText(name, argument);
}

function replyOf(rules: AnswerRules, head: AnswerHead, item: string | undefined): Reply<Answer> {
  if (item === undefined || item === 'null') return miss;
  if (rules.selectTokens.length === 0) return new Answer(compact(item));
  const span = locate(item, rules.selectTokens);
  if (span === undefined)
    return badResponse(rules, head, `the item has no value at "${rules.select}" (select): ${shown(item)}`);
  return new Answer(compact(cut(item, span)));
}

function cut(text: string, { start, end }: Span): string {
  return text.slice(start, end);
}

const shownCharacters = 100;

function shown(json: string): string {
  return json.length > shownCharacters ? `${json.slice(0, shownCharacters)}…` : json;
}
