import type { AnswerHead, CachingFields } from '../answer-head.ts';
import { byteAt } from './head-bytes.ts';
import { MalformedAnswer } from '../malformed-answer.ts';

/** The fields of a head that are read. All others are checked and skipped. */
export type FieldName =
  | 'age'
  | 'cache-control'
  | 'connection'
  | 'content-encoding'
  | 'content-length'
  | 'content-type'
  | 'date'
  | 'etag'
  | 'expires'
  | 'keep-alive'
  | 'last-modified'
  | 'location'
  | 'proxy-connection'
  | 'retry-after'
  | 'transfer-encoding'
  | 'vary';

export interface WantedFields {
  /** Bit n is set if a name has n bytes. */
  readonly lengths: number;
  readonly byLength: readonly (readonly FieldName[] | undefined)[];
}

const framingNames: readonly FieldName[] = [
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'keep-alive',
  'location',
  'proxy-connection',
  'retry-after',
  'transfer-encoding',
];

/** The fields that every answer is read for. */
export const usualFields: WantedFields = wanted(framingNames);
/** The same with those of HTTP caching (RFC 9111). */
export const cachingFields: WantedFields = wanted([
  ...framingNames,
  'age',
  'cache-control',
  'date',
  'etag',
  'expires',
  'last-modified',
  'vary',
]);

function wanted(names: readonly FieldName[]): WantedFields {
  const byLength: FieldName[][] = [];
  let lengths = 0;
  for (const name of names) {
    (byLength[name.length] ??= []).push(name);
    lengths |= 1 << name.length;
  }
  return { lengths, byLength };
}

/** Which of these fields has its name at these bytes; undefined for every other one. Names are compared without regard to case. */
export function fieldNameAt(bytes: Buffer, start: number, end: number, fields: WantedFields): FieldName | undefined {
  const names = fields.byLength[end - start];
  if (names === undefined) return undefined;
  for (const name of names) {
    let at = 0;
    // 0x20 is the bit that tells a small letter from a capital; a hyphen has it in both.
    while (at < name.length && (byteAt(bytes, start + at) | 0x20) === name.charCodeAt(at)) at += 1;
    if (at === name.length) return name;
  }
  return undefined;
}

/** The body that a head announces; a number is its bytes. */
type Framing = 'none' | 'chunked' | 'until close' | number;

/** What the fields of one head say together. One object serves all answers of a connection. */
export class HeadFields {
  status = 0;
  /** Of HTTP/1: 0 or 1. */
  minorVersion = 1;
  contentLength: number | undefined = undefined;
  contentType: string | undefined = undefined;
  contentEncoding: string | undefined = undefined;
  retryAfter: string | undefined = undefined;
  location: string | undefined = undefined;
  /** Undefined if the answer has no such field, or is not read for them. */
  caching: CachingFields | undefined = undefined;
  /** Seconds for which the server keeps an idle connection; undefined if it does not say. */
  keepAliveSeconds: number | undefined = undefined;
  #transferEncoding: string | undefined = undefined;
  #close = false;
  #keepAlive = false;

  reset(status: number, minorVersion: number): void {
    this.status = status;
    this.minorVersion = minorVersion;
    this.contentLength = undefined;
    this.contentType = undefined;
    this.contentEncoding = undefined;
    this.retryAfter = undefined;
    this.location = undefined;
    this.caching = undefined;
    this.keepAliveSeconds = undefined;
    this.#transferEncoding = undefined;
    this.#close = false;
    this.#keepAlive = false;
  }

  /** Throws MalformedAnswer if the value contradicts what is known, or is not understood and matters for the framing. */
  add(name: FieldName, value: string): void {
    switch (name) {
      case 'content-length':
        return this.#addLength(value);
      case 'content-type':
        this.contentType ??= value;
        return;
      case 'connection':
      case 'proxy-connection':
        return this.#addConnection(value);
      case 'transfer-encoding':
        if (this.#transferEncoding !== undefined) throw new MalformedAnswer('it has more than one transfer-encoding');
        this.#transferEncoding = value;
        return;
      case 'content-encoding':
        this.contentEncoding = this.contentEncoding === undefined ? value : `${this.contentEncoding}, ${value}`;
        return;
      case 'keep-alive': {
        const seconds = /(?:^|[,\s])timeout\s*=\s*"?(\d{1,9})/i.exec(value)?.[1];
        if (seconds !== undefined) this.keepAliveSeconds = Number(seconds);
        return;
      }
      case 'retry-after':
        this.retryAfter ??= value;
        return;
      case 'location':
        this.location ??= value;
        return;
      case 'age':
      case 'date':
      case 'etag':
      case 'expires':
      case 'last-modified':
        this.caching ??= {};
        this.caching[name] ??= value;
        return;
      case 'cache-control':
      case 'vary': {
        const caching = (this.caching ??= {});
        const before = caching[name];
        caching[name] = before === undefined ? value : `${before}, ${value}`;
      }
    }
  }

  /** How the body is delimited (RFC 9112, 6.3). Throws MalformedAnswer if two readers could disagree about its end. */
  framing(withoutBody: boolean): Framing {
    const { status, contentLength, minorVersion } = this;
    const encoding = this.#transferEncoding;
    if (encoding !== undefined) {
      if (encoding.toLowerCase() !== 'chunked')
        throw new MalformedAnswer(`its transfer-encoding is not chunked: ${JSON.stringify(encoding)}`);
      if (contentLength !== undefined) throw new MalformedAnswer('it has a content-length and a transfer-encoding');
      if (minorVersion === 0) throw new MalformedAnswer('it has a transfer-encoding, which HTTP/1.0 does not know');
    }
    if (withoutBody || status === 204 || status === 304) return 'none';
    if (encoding !== undefined) return 'chunked';
    if (contentLength === 0) return 'none';
    return contentLength ?? 'until close';
  }

  /** Whether the server keeps the connection after this answer (RFC 9112, 9.3). */
  get persistent(): boolean {
    return !this.#close && (this.minorVersion === 1 || this.#keepAlive);
  }

  /** A copy for the caller, which keeps it longer than this object keeps its values. */
  head(untilClose: boolean): AnswerHead {
    const { status, contentLength, contentType, contentEncoding, retryAfter, location, caching } = this;
    return { status, contentLength, untilClose, contentType, contentEncoding, retryAfter, location, caching };
  }

  /** A list of equal lengths is one length (RFC 9110, 8.6). */
  #addLength(value: string): void {
    const lengths = value.includes(',') ? value.split(',').map((one) => one.trim()) : [value];
    for (const one of lengths) {
      const length = decimal(one);
      if (length === undefined) throw new MalformedAnswer(`its content-length is ${JSON.stringify(value)}`);
      if (this.contentLength !== undefined && this.contentLength !== length)
        throw new MalformedAnswer(`it has two lengths, ${this.contentLength} and ${length}`);
      this.contentLength = length;
    }
  }

  #addConnection(value: string): void {
    if (value === 'keep-alive') {
      this.#keepAlive = true;
      return;
    }
    for (const option of value.toLowerCase().split(',')) {
      const name = option.trim();
      if (name === 'close') this.#close = true;
      else if (name === 'keep-alive') this.#keepAlive = true;
    }
  }
}

const mostDigits = 15;

/** The number that 1 to 15 digits spell; undefined for any other text. */
function decimal(text: string): number | undefined {
  if (text.length === 0 || text.length > mostDigits) return undefined;
  let number = 0;
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return number;
}
