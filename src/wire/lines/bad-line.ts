import { codingLikely } from '../coding/coding-names.ts';
import { excerpt, excerptBytes } from './excerpt.ts';

/** A line that is not text, or a control line with a fault. It has an outcome in its place among the lines; it is not an exception. */
export interface BadLine {
  readonly code: 'invalid_utf8' | 'line_too_long' | 'invalid_json' | 'not_an_object';
  readonly message: string;
  /** The first 256 bytes of the line (never more than `lineBytes`), decoded with replacement. */
  readonly input: string;
}

/** `start` holds at least the first 257 bytes, or `lineBytes` and one more. */
export function lineTooLong(start: Buffer, lineBytes: number): BadLine {
  const message = `the line is longer than limits.lineBytes, which is ${lineBytes}: it was skipped${codingHint(start)}`;
  return { code: 'line_too_long', message, input: excerpt(start, Math.min(excerptBytes, lineBytes)) };
}

export function invalidUtf8(line: Buffer): BadLine {
  const message = `the line is not UTF-8 from byte ${firstBadByte(line)} on: send JSON encoded as UTF-8${codingHint(line)}`;
  return { code: 'invalid_utf8', message, input: excerpt(line, excerptBytes) };
}

/** What to do, if the line begins as a coded body does; otherwise empty. */
function codingHint(line: Buffer): string {
  const coding = codingLikely(line);
  return coding === undefined
    ? ''
    : `; its first bytes are those of ${coding}: over HTTP, send Content-Encoding: ${coding}`;
}

/** Place, from 1, of the first byte that is not UTF-8: the first one that decoding and encoding changes. */
function firstBadByte(line: Buffer): number {
  const again = Buffer.from(line.toString('utf8'), 'utf8');
  let at = 0;
  while (at < line.length && line[at] === again[at]) at++;
  return at + 1;
}
