import { canonicalNumber, isJsonNumber, isNumberSource } from '../../../core/json/json-number.ts';
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
 *     object          its members are named by the argument; a number also finds another spelling of its value
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
  checkHead(rules, head, body, 0, body.length);
  const found = batch.format === 'ndjson' ? linesOf(rules, head, body) : itemsOf(batch, head, body);
  if (found instanceof Map) {
    if (batch.key !== undefined) throw badResponse(rules, head, objectWithKey(batch));
    if (argument === undefined)
      throw badResponse(
        rules,
        head,
        `the answers are an object; expected an array, because the lookup has several arguments`,
      );
    const byName = named(found);
    return requests.map((args) => replyOf(rules, head, answerFor(byName, argument, args)));
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
 * The items by their key. Of two items with one key the first one counts.
 *
 *     "text       =spelling of a number or boolean
 *     ~value      #value                              of a text that is a number; of a number
 */
type ItemsByKey = Map<string, string>;

function add(items: ItemsByKey, key: string, item: string): void {
  if (!items.has(key)) items.set(key, item);
}

function addText(items: ItemsByKey, text: string, item: string): void {
  add(items, `"${text}`, item);
  if (isNumberSource(text) && isJsonNumber(text)) add(items, `~${canonicalNumber(text)}`, item);
}

function named(byName: ReadonlyMap<string, string>): ItemsByKey {
  const items: ItemsByKey = new Map();
  for (const [name, item] of byName) addText(items, name, item);
  return items;
}

function keyed({ rules, key = '', keyTokens }: BatchRules, head: AnswerHead, list: readonly string[]): ItemsByKey {
  const items: ItemsByKey = new Map();
  for (const item of list) {
    if (item === 'null') continue;
    const span = locate(item, keyTokens);
    const source = span === undefined ? undefined : cut(item, span);
    if (source === undefined || /^[[{n]/.test(source))
      throw badResponse(rules, head, `an item has no text or number at "${key}" (batch.http.key): ${shown(item)}`);
    if (source.startsWith('"')) {
      addText(items, unquoted(source), item);
      continue;
    }
    add(items, `=${source}`, item);
    if (isNumberSource(source)) add(items, `#${canonicalNumber(source)}`, item);
  }
  return items;
}

/** An item whose key is of the kind of the argument, text or number, goes before one of the other kind. */
function answerFor(items: ItemsByKey, name: string, args: Arguments): string | undefined {
  const text = textOf(args, name);
  if (typeof args[name] === 'string') return items.get(`"${text}`) ?? items.get(`=${text}`);
  const exact = items.get(`=${text}`);
  if (exact !== undefined || !isNumberSource(text)) return exact ?? items.get(`"${text}`);
  const value = canonicalNumber(text);
  return items.get(`#${value}`) ?? items.get(`"${text}`) ?? items.get(`~${value}`);
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
