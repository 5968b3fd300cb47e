import { MalformedAnswer } from '../malformed-answer.ts';

/** The bytes of an answer's lines, as RFC 9110 and 9112 name them. All functions read from `start` up to `end`. */

export const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
export const HTAB = 0x09;
export const COLON = 0x3a;
const DEL = 0x7f;

/** 1 for the characters of a token (RFC 9110, 5.6.2). */
const tokenCharacters = table((code) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code)));
/** 1 for what a field's value may hold (RFC 9110, 5.5), white space included. */
const valueCharacters = table((code) => code === HTAB || (code >= SP && code !== DEL));

function table(holds: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (holds(code) ? 1 : 0));
}

/** The byte at a place that is known to be there. */
export function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

/** The place of the first line feed; -1 if there is none. */
export function lineEnd(bytes: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at += 1) if (bytes[at] === LF) return at;
  return -1;
}

/** The place of the first byte that does not belong to a token. */
export function tokenEnd(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && tokenCharacters[byteAt(bytes, at)] === 1) at += 1;
  return at;
}

/** Throws MalformedAnswer if a byte cannot stand in a field's value; `what` names the place in the message. */
export function checkValue(bytes: Buffer, start: number, end: number, what: string): void {
  for (let at = start; at < end; at += 1) {
    if (valueCharacters[byteAt(bytes, at)] === 0) throw new MalformedAnswer(`${what} holds a control character`);
  }
}

/** The text without spaces and tabs at its ends. */
export function trimmed(bytes: Buffer, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(byteAt(bytes, from))) from += 1;
  while (to > from && isBlank(byteAt(bytes, to - 1))) to -= 1;
  return from === to ? '' : latin1(bytes, from, to);
}

export function isBlank(code: number): boolean {
  return code === SP || code === HTAB;
}

/** Whether the bytes are the characters of a text. */
export function isText(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (text.length !== end - start) return false;
  for (let at = 0; at < text.length; at += 1) if (bytes[start + at] !== text.charCodeAt(at)) return false;
  return true;
}

export function latin1(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', start, end);
}

/** `HTTP/1.1 200 OK`: HTTP/1.0 or 1.1 with a status from 100 to 999; the reason, and the space before it, may be missing. */
export function isStatusLine(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < 12 || !isText(bytes, start, start + 7, 'HTTP/1.')) return false;
  const minorVersion = bytes[start + 7];
  if ((minorVersion !== 0x30 && minorVersion !== 0x31) || bytes[start + 8] !== SP) return false;
  return threeDigits(bytes, start + 9) >= 100 && (end - start === 12 || bytes[start + 12] === SP);
}

/** For an answer whose first line is no status line. */
export function notHttp(bytes: Buffer, start: number, end: number): MalformedAnswer {
  const why = 'which is not HTTP/1.0 or 1.1 with a status of 100 to 999';
  return new MalformedAnswer(`it begins with ${shown(bytes, start, end)}, ${why}`);
}

/** What of a line a message shows: its first 40 characters, as a JSON string. */
export function shown(bytes: Buffer, start: number, end: number): string {
  return JSON.stringify(latin1(bytes, start, Math.min(end, start + 40)));
}

/** The value of three decimal digits; NaN if they are none. */
export function threeDigits(bytes: Buffer, at: number): number {
  return digit(byteAt(bytes, at)) * 100 + digit(byteAt(bytes, at + 1)) * 10 + digit(byteAt(bytes, at + 2));
}

function digit(code: number): number {
  const value = code - 0x30;
  return value >= 0 && value <= 9 ? value : NaN;
}

/** The value of a hexadecimal digit; -1 if it is none. */
export function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = (code | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

const chunkExtensions =
  /^(?:[ \t]*;[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*=[ \t]*(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"))?)*$/;

/** Whether these bytes, behind the size of a chunk, follow the grammar of its extensions (RFC 9112, 7.1.1). */
export function areChunkExtensions(bytes: Buffer, start: number, end: number): boolean {
  return chunkExtensions.test(latin1(bytes, start, end));
}
