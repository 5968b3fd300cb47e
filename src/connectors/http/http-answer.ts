import { isUtf8 } from 'node:buffer';
import { RecordError } from '../../core/errors.ts';
import { wallClockMs } from '../../core/time/time.ts';
import { Answer } from '../../lookup/lookup.ts';
import type { KnownAnswer } from '../../core/call/known-answer.ts';
import type { AnswerHead } from './client/answer-head.ts';
import { freshnessOf } from './http-freshness.ts';
import { httpDateMs } from './http-date.ts';
import { codingsIn } from '../../wire/coding/coding-names.ts';
import { excerpt } from '../../wire/lines/excerpt.ts';
import { ASCII_TEXT, jsonKind, ONE_LINE } from '../../wire/json/json-memory.ts';
import { describeJsonFault, findJsonFault } from '../../wire/json/json-fault.ts';
import { proxyRefusal } from './socket/proxy.ts';
import { compact, locate } from '../../wire/json/json-text.ts';

/** How one lookup reads its answers. */
export interface AnswerRules {
  readonly lookup: string;
  readonly origin: string;
  /** Origin of the proxy that calls go through; undefined: none. */
  readonly proxy: string | undefined;
  /** Whether answers come over TLS. */
  readonly tls: boolean;
  readonly missStatus: ReadonlySet<number>;
  /** The JSON Pointer as it was written, and its tokens. */
  readonly select: string;
  readonly selectTokens: readonly string[];
  readonly maxResponseBytes: number;
}

const miss = new Answer(undefined);
const shownBytes = 100;
const byteOrderMark = '\uFEFF';

/** Whether the body of this answer is used. Of any other body only the beginning is read, for the error message. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/**
 * The body stands in `bytes` from `start` up to `end`. `known`: the answer that 304 confirms. `delayMs`: the time that the call took. Throws RecordError `bad_status` or
 * `bad_response`.
 */
export function readAnswer(
  rules: AnswerRules,
  head: AnswerHead,
  bytes: Buffer,
  start: number,
  end: number,
  known?: KnownAnswer,
  delayMs = 0,
): Answer {
  const { caching } = head;
  if (head.status === 304 && known !== undefined)
    return new Answer(known.json, 1, 'call', freshnessOf(caching ?? {}, delayMs, known));
  const freshness = caching === undefined ? undefined : freshnessOf(caching, delayMs, undefined);
  if (isMiss(rules, head)) return freshness === undefined ? miss : new Answer(undefined, 1, 'call', freshness);
  checkHead(rules, head, bytes, start, end);
  const kind = jsonKind(bytes, start, end);
  // A view of the bytes takes longer than the scan of a small answer, so most answers are read without one.
  const text =
    (kind & ASCII_TEXT) === 0
      ? textOf(rules, head, bytes.subarray(start, end), kind !== 0)
      : bytes.toString('latin1', start, end);
  if (rules.tls && head.untilClose && /\d$/.test(text)) throw mayBeCut(rules, head);
  const json = rules.selectTokens.length === 0 ? text : selected(rules, head, text);
  return new Answer((kind & ONE_LINE) === 0 ? compact(json.trim()) : json, 1, 'call', freshness);
}

export function isMiss({ missStatus }: AnswerRules, { status }: AnswerHead): boolean {
  return missStatus.has(status);
}

/** Throws RecordError `bad_status` or `bad_response` if the body is not an answer. */
export function checkHead(rules: AnswerRules, head: AnswerHead, bytes: Buffer, start: number, end: number): void {
  if (!isSuccess(head.status)) throw badStatus(rules, head, bytes.subarray(start, end));
  const encoding = head.contentEncoding;
  if (encoding !== undefined && codingNames(encoding).length > 0) {
    throw badResponse(rules, head, `the answer is encoded (content-encoding: ${encoding}), which is not supported`);
  }
}

/** Names that change no byte, and that servers put into `Content-Encoding` by mistake (RFC 9110, 8.4). */
const plainNames: ReadonlySet<string> = new Set(['none', 'utf-8', 'utf8']);

/** The names of the codings of an answer, without those that change no byte. */
export function codingNames(contentEncoding: string): readonly string[] {
  return codingsIn(contentEncoding).filter((name) => !plainNames.has(name));
}

/** The body as text that is JSON. Throws RecordError `bad_response`. */
export function checkedText(rules: AnswerRules, head: AnswerHead, body: Buffer): string {
  return textOf(rules, head, body, jsonKind(body, 0, body.length) !== 0);
}

/** `json`: whether the body is known to be JSON. */
function textOf(rules: AnswerRules, head: AnswerHead, body: Buffer, json: boolean): string {
  if (body.length === 0) throw badResponse(rules, head, `the answer has no body (status ${head.status})`);
  if (!isUtf8(body)) throw badResponse(rules, head, `the answer is not UTF-8: ${beginning(head, body)}`);
  const text = body.toString('utf8');
  if (json) return text;
  // The scan does not understand all JSON. A slower reader does, and finds the fault if there is one.
  const source = text.startsWith(byteOrderMark) ? text.slice(1) : text;
  const fault = findJsonFault(source);
  if (fault === undefined) return source;
  const place = fault.at === 0 ? '' : `; ${describeJsonFault(source, fault)}`;
  throw badResponse(rules, head, `the answer is not JSON: ${beginning(head, body)}${place}`);
}

function selected(rules: AnswerRules, head: AnswerHead, text: string): string {
  const span = locate(text, rules.selectTokens);
  if (span === undefined) throw badResponse(rules, head, `the answer has no value at "${rules.select}" (select)`);
  return text.slice(span.start, span.end);
}

/**
 * An attacker on the way can end a connection, and Node does not report whether the other system ended it (RFC 9112, 9.8).
 * Every JSON text but a number shows where it ends.
 */
function mayBeCut(rules: AnswerRules, head: AnswerHead): RecordError {
  return badResponse(
    rules,
    head,
    'the answer is a number without content-length: over TLS it is not known whether the number is whole',
  );
}

export function badResponse({ lookup }: AnswerRules, { status }: AnswerHead, message: string): RecordError {
  return new RecordError('bad_response', message, { lookup, status });
}

/** Only a proxy has the status 407 (RFC 9110, 15.5.8). Any other one may be that of the other system. */
export function refusalOfProxy({ lookup, proxy }: AnswerRules, { status }: AnswerHead): RecordError | undefined {
  if (status !== 407 || proxy === undefined) return undefined;
  return new RecordError('unreachable', proxyRefusal(proxy, status), { lookup, status, final: true });
}

function badStatus(rules: AnswerRules, head: AnswerHead, body: Buffer): RecordError {
  const ofProxy = refusalOfProxy(rules, head);
  if (ofProxy !== undefined) return ofProxy;
  const { lookup, origin, proxy } = rules;
  const { status } = head;
  const retryAfterMs = retryAfter(head.retryAfter);
  const details = { lookup, status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  const through = proxy === undefined ? '' : ` through the proxy ${proxy}`;
  const location = head.location;
  if (status >= 300 && status < 400 && location !== undefined) {
    const message = `${origin} answered ${status}${through} and points to ${location}; redirects are never followed: configure that address`;
    return new RecordError('bad_status', message, details);
  }
  const said = body.length === 0 ? '' : `: ${beginning(head, body)}`;
  return new RecordError('bad_status', `${origin} answered ${status}${through}${said}`, details);
}

export function tooLarge(rules: AnswerRules, status: number, bytes: number | undefined): RecordError {
  const size = bytes === undefined ? '' : ` (content-length ${bytes})`;
  const message = `the answer is larger than maxResponseBytes, ${rules.maxResponseBytes}${size}: raise it, or request a smaller answer`;
  return new RecordError('response_too_large', message, { lookup: rules.lookup, status });
}

function beginning(head: AnswerHead, body: Buffer): string {
  const type = head.contentType ?? 'no content-type';
  return `${type}, beginning with ${JSON.stringify(excerpt(body, shownBytes))}`;
}

/** `Retry-After` is seconds or a date (RFC 9110, 10.2.3); a date that has passed is 0. */
export function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = httpDateMs(value);
  return date === undefined ? undefined : Math.max(0, date - wallClockMs());
}
