import { RecordError, type RecordErrorCode, type RecordFailure, RequestError } from '../../core/errors.ts';
import type { EmittedOutcome } from '../../core/observer/observer.ts';
import { errorMember, errorPlace, invalidLine } from '../../wire/codec.ts';
import type { BadLine } from '../../wire/lines/bad-line.ts';
import { SplicedLine } from '../../wire/spliced-line.ts';
import type { ExplodedLines } from './exploded-lines.ts';
import { countCost, costOfFailure } from '../stream/turn-gate.ts';

/** The result of one record: 0..n lines without their framing, and the facts that are counted. */
export interface Outcome {
  readonly kind: EmittedOutcome;
  readonly lines: string | SplicedLine | ExplodedLines | readonly string[];
  /** Set if a step failed, also if the record is written in spite of it. */
  readonly failure: RecordFailure | undefined;
  /** Set if this record ends its stream. */
  readonly fatal: RequestError | undefined;
}

export type OnFailure = 'annotate' | 'fail' | 'drop' | 'passthrough';

const NONE: readonly string[] = [];

/** The lines of an outcome as texts. Lines of an exploded record are made as they are read, once. */
export function textsOf({ lines }: Outcome): Iterable<string> {
  if (typeof lines === 'string') return [lines];
  return lines instanceof SplicedLine ? [lines.toString()] : lines;
}

export function enriched(lines: Outcome['lines'], missed: boolean, failure?: RecordFailure): Outcome {
  return { kind: missed ? 'missed' : 'enriched', lines, failure, fatal: undefined };
}

export function untouched(line: string): Outcome {
  return { kind: 'passthrough', lines: line, failure: undefined, fatal: undefined };
}

export const dropped: Outcome = { kind: 'dropped', lines: NONE, failure: undefined, fatal: undefined };

/** The outcome of a record whose enrichment failed. `seq` counts from 0, `_error.line` from 1. */
export function failed(line: string, seq: number, error: RecordError, onFailure: OnFailure): Outcome {
  countCost(costOfFailure);
  const { code } = error;
  if (onFailure === 'fail')
    return { kind: 'error', lines: NONE, failure: error, fatal: streamError(seq, code, error.message) };
  if (onFailure === 'drop') return { kind: 'dropped', lines: NONE, failure: error, fatal: undefined };
  if (onFailure === 'passthrough') return { kind: 'passthrough', lines: line, failure: error, fatal: undefined };
  const lines = errorPlace.splice(line, false, errorMember(error, seq + 1));
  return { kind: 'error', lines, failure: error, fatal: undefined };
}

/** The outcome of a line that is not a JSON object. */
export function invalid(input: string, seq: number, error: BadLine | RecordError, onInvalid: OnFailure): Outcome {
  countCost(costOfFailure);
  const { code } = error;
  if (onInvalid === 'drop') return { kind: 'dropped', lines: NONE, failure: error, fatal: undefined };
  if (onInvalid === 'fail') {
    return { kind: 'invalid', lines: NONE, failure: error, fatal: streamError(seq, code, error.message) };
  }
  const failure = error instanceof RecordError ? error : new RecordError(code, error.message);
  return { kind: 'invalid', lines: invalidLine(failure, seq + 1, input), failure: error, fatal: undefined };
}

function streamError(seq: number, code: RecordErrorCode, message: string): RequestError {
  return new RequestError('record_failed', `line ${seq + 1}: ${code}: ${message}`, { line: seq + 1, recordCode: code });
}
