import type { AnswerReceiver } from './answer-head.ts';
import { FieldLines } from './head/field-lines.ts';
import { cachingFields, HeadFields, usualFields } from './head/head-fields.ts';
import {
  areChunkExtensions,
  byteAt,
  checkValue,
  CR,
  hexDigit,
  isStatusLine,
  latin1,
  lineEnd,
  notHttp,
  shown,
  threeDigits,
} from './head/head-bytes.ts';
import { MalformedAnswer } from './malformed-answer.ts';

/** The most bytes of a head, of all extensions of chunks together, and of trailers. */
export const maxHeadBytes = 16_384;
/** Interim answers (1xx) before an answer. */
const maxInterimAnswers = 100;

/** States in which the parser reads whole lines. */
type LineState = 'status line' | 'fields' | 'chunk size' | 'end of chunk' | 'trailers';
/** `idle`: no call waits for an answer. */
type State = LineState | 'idle' | 'body of known length' | 'chunk data' | 'body until close';

/**
 * Reads the answers of one HTTP/1.1 connection, one at a time, in one pass over the bytes.
 *
 *     expect ──▶ status line ─▶ fields ─┬─▶ body of known length ───────────────────────▶ idle
 *                    ▲           │      ├─▶ chunk size ⇄ chunk data, end of chunk ─▶ trailers ─▶ idle
 *                    └── 1xx ◀───┘      └─▶ body until close ───────────── end of the stream ─▶ idle
 *
 * It is strict where two readers could disagree about the end of an answer, and liberal where RFC 9110 and 9112 let a
 * client be. Lines end with CRLF. A line that arrives in pieces is kept until it is whole; each byte is searched once.
 */
export class AnswerParser {
  readonly #fields = new HeadFields();
  readonly #lines: FieldLines;
  #state: State = 'idle';
  #receiver: AnswerReceiver | undefined = undefined;
  #withoutBody = false;
  #began = false;
  #interimAnswers = 0;
  /** Bytes of the body, or of the chunk, that have not arrived. */
  #remaining = 0;
  /** Bytes of the head, of extensions of chunks, or of trailers, so far. */
  #headBytes = 0;
  /** The beginning of a line whose end has not arrived. */
  #partial: Buffer | undefined = undefined;
  #partialLength = 0;

  /** `caching`: whether the fields of HTTP caching are read. */
  constructor(caching = false) {
    this.#lines = new FieldLines(this.#fields, caching ? cachingFields : usualFields);
  }

  /** The next bytes belong to an answer for `receiver`. `withoutBody`: it is the answer to HEAD. */
  expect(receiver: AnswerReceiver, withoutBody: boolean): void {
    this.#receiver = receiver;
    this.#withoutBody = withoutBody;
    this.#began = false;
    this.#interimAnswers = 0;
    this.#startHead();
  }

  /** No answer is expected: the receiver is not called any more. */
  stop(): void {
    this.#state = 'idle';
    this.#receiver = undefined;
    this.#partialLength = 0;
  }

  /** Whether an answer is expected that is not whole. */
  get busy(): boolean {
    return this.#state !== 'idle';
  }

  /** Seconds for which the server said that it keeps an idle connection. */
  get keepAliveSeconds(): number | undefined {
    return this.#fields.keepAliveSeconds;
  }

  /** The first `length` bytes arrived. Throws MalformedAnswer; no more may be fed then. */
  feed(bytes: Buffer, length: number): void {
    if (!this.#began) {
      this.#began = true;
      this.#receiver?.answerBegan();
    }
    let at = 0;
    while (at < length) {
      const state = this.#state;
      switch (state) {
        case 'idle':
          return;
        case 'body of known length':
        case 'chunk data':
          at = this.#counted(bytes, at, length);
          break;
        case 'body until close':
          this.#receiver?.answerBody(bytes, at, length, false);
          return;
        case 'fields':
          if (this.#partialLength === 0) at = this.#usualFields(bytes, at, length);
          at = this.#nextLine(state, bytes, at, length);
          break;
        case 'status line':
        case 'chunk size':
        case 'end of chunk':
        case 'trailers':
          at = this.#nextLine(state, bytes, at, length);
      }
    }
  }

  /** The place behind the usual lines of fields that begin at `at`. */
  #usualFields(bytes: Buffer, at: number, length: number): number {
    const usualBytes = this.#lines.usual(bytes, at, length);
    this.#headBytes += usualBytes;
    if (this.#headBytes > maxHeadBytes) throw tooLong();
    return at + usualBytes;
  }

  /** Reads the line that begins at `at`, or keeps its beginning. Returns the place behind it. */
  #nextLine(state: LineState, bytes: Buffer, at: number, length: number): number {
    const end = lineEnd(bytes, at, length);
    if (end < 0) {
      if (at < length) this.#keep(bytes, at, length);
      return length;
    }
    this.#wholeLine(state, bytes, at, end, end + 1 === length);
    return end + 1;
  }

  /** The stream has ended. False if it cut an answer. Throws MalformedAnswer if what has come is not the start of one. */
  end(): boolean {
    if (this.#state === 'status line' && this.#partial !== undefined)
      this.#beginning(this.#partial, this.#partialLength);
    if (this.#state !== 'body until close') return this.#state === 'idle';
    this.#finish(false);
    return true;
  }

  #counted(bytes: Buffer, at: number, length: number): number {
    const end = Math.min(length, at + this.#remaining);
    this.#remaining -= end - at;
    const whole = this.#remaining === 0;
    const inChunk = this.#state === 'chunk data';
    if (whole && inChunk) this.#state = 'end of chunk';
    this.#receiver?.answerBody(bytes, at, end, whole && !inChunk);
    if (whole && !inChunk && this.#state !== 'idle') this.#finish(end === length);
    return end;
  }

  /** Returns all that is kept of the line. */
  #keep(bytes: Buffer, start: number, end: number): Buffer {
    const length = this.#partialLength + end - start;
    if (length > maxHeadBytes) throw tooLong();
    this.#partial ??= Buffer.allocUnsafeSlow(maxHeadBytes);
    bytes.copy(this.#partial, this.#partialLength, start, end);
    this.#partialLength = length;
    return this.#partial;
  }

  /** The bytes from `start` to `end`, where a line feed stands, end a line. */
  #wholeLine(state: LineState, bytes: Buffer, start: number, end: number, last: boolean): void {
    if (this.#partialLength === 0) return this.#line(state, bytes, start, end, last);
    const line = this.#keep(bytes, start, end);
    const length = this.#partialLength;
    this.#partialLength = 0;
    this.#line(state, line, 0, length, last);
  }

  /** `end`: place of the line feed, before which a carriage return has to stand. `last`: no more bytes have arrived. */
  #line(state: LineState, bytes: Buffer, start: number, end: number, last: boolean): void {
    if (end === start || bytes[end - 1] !== CR) {
      if (state === 'status line') this.#statusLine(bytes, start, end);
      throw new MalformedAnswer('a line of it does not end with CR LF');
    }
    const lineBytes = end - start + 1;
    this.#headBytes += state === 'chunk size' ? Math.max(0, lineBytes - 18) : lineBytes;
    if (this.#headBytes > maxHeadBytes) throw tooLong();
    switch (state) {
      case 'status line':
        return this.#statusLine(bytes, start, end - 1);
      case 'fields':
        return end - 1 === start ? this.#endOfHead(last) : this.#lines.line(bytes, start, end - 1, true);
      case 'chunk size':
        return this.#chunkSize(bytes, start, end - 1);
      case 'end of chunk':
        if (end - 1 !== start) throw new MalformedAnswer('a chunk of it is longer than its size');
        this.#headBytes -= lineBytes;
        this.#state = 'chunk size';
        return;
      case 'trailers':
        return end - 1 === start ? this.#finish(last) : this.#lines.line(bytes, start, end - 1, false);
    }
  }

  #startHead(): void {
    this.#state = 'status line';
    this.#headBytes = 0;
    this.#lines.start();
  }

  /** `HTTP/1.1 200 OK`; the reason, and the space before it, may be missing. */
  #statusLine(bytes: Buffer, start: number, end: number): void {
    if (!isStatusLine(bytes, start, end)) throw notHttp(bytes, start, end);
    checkValue(bytes, start + 12, end, 'its reason');
    this.#fields.reset(threeDigits(bytes, start + 9), byteAt(bytes, start + 7) - 0x30);
    this.#state = 'fields';
  }

  /** The first bytes of a status line, whose end has not come. */
  #beginning(bytes: Buffer, length: number): void {
    if (!'HTTP/1.'.startsWith(latin1(bytes, 0, Math.min(length, 7)))) throw notHttp(bytes, 0, length);
  }

  #endOfHead(last: boolean): void {
    this.#lines.end();
    const fields = this.#fields;
    if (fields.status < 200) return this.#interim();
    const framing = fields.framing(this.#withoutBody);
    this.#headBytes = 0;
    if (framing === 'chunked') {
      this.#state = 'chunk size';
    } else if (framing === 'until close') {
      this.#state = 'body until close';
    } else if (framing !== 'none') {
      this.#state = 'body of known length';
      this.#remaining = framing;
    }
    this.#receiver?.answerHead(fields.head(framing === 'until close'));
    if (framing === 'none' && this.#state !== 'idle') this.#finish(last);
  }

  /** An answer before the answer: no request asked for it, but a client has to expect it (RFC 9110, 15.2). */
  #interim(): void {
    if (this.#fields.status === 101) throw new MalformedAnswer('it changes the protocol, which was not asked for');
    this.#interimAnswers += 1;
    if (this.#interimAnswers > maxInterimAnswers) throw new MalformedAnswer('it never comes after its 1xx answers');
    this.#startHead();
  }

  #chunkSize(bytes: Buffer, start: number, end: number): void {
    let at = start;
    let size = 0;
    for (let value = hexDigit(byteAt(bytes, at)); at < end && value >= 0; value = hexDigit(byteAt(bytes, at))) {
      size = size * 16 + value;
      at += 1;
    }
    if (at === start || at - start > 13)
      throw new MalformedAnswer(`a chunk of it has no size: ${shown(bytes, start, end)}`);
    if (at < end && !areChunkExtensions(bytes, at, end))
      throw new MalformedAnswer('a chunk of it has extensions that do not follow the grammar');
    this.#remaining = size;
    this.#state = size === 0 ? 'trailers' : 'chunk data';
  }

  #finish(last: boolean): void {
    const receiver = this.#receiver;
    const { persistent } = this.#fields;
    const closed = this.#state === 'body until close';
    this.stop();
    // Bytes behind an answer that no call has asked for would be taken for the answer to the next one.
    receiver?.answerEnded(persistent && last && !closed);
  }
}

function tooLong(): MalformedAnswer {
  return new MalformedAnswer(`its head is longer than ${maxHeadBytes} bytes`);
}
