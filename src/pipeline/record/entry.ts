import type { RecordError } from '../../core/errors.ts';
import type { BadLine } from '../../wire/lines/bad-line.ts';
import type { RecordRun } from './record-run.ts';
import type { RecordText } from './record-text.ts';

/** A line of the input, admitted or waiting for a slot. `seq` is its index in the input. */
export interface Entry {
  readonly seq: number;
  readonly line: string | BadLine;
  /** The bytes in which the line stands from `start` on, each byte a character, until the record is started. */
  bytes: Buffer | undefined;
  readonly start: number;
  /** Bytes of memory that the text of the line takes. */
  readonly lineBytes: number;
  /** The record of the line, or its fault, if the key was needed before the record is started. */
  record: RecordText | RecordError | undefined;
  /** Why the record is not looked up: it has no key. */
  refusal: RecordError | undefined;
  run: RecordRun | undefined;
}

/** The entry of a line; `seq` is its index in the input. */
export function entryOf(seq: number, line: string | BadLine, charBytes: 1 | 2, bytes?: Buffer, start = 0): Entry {
  const lineBytes = charBytes * (typeof line === 'string' ? line : line.input).length;
  return { seq, line, bytes, start, lineBytes, record: undefined, refusal: undefined, run: undefined };
}
