import type { RequestError } from '../../core/errors.ts';
import type { StreamOutcome } from '../../core/observer/observer.ts';
import type { StreamSummary } from '../../pipeline/stream/tally.ts';
import type { IdleLimit } from './idle-limit.ts';

/**
 * The phase of a stream.
 *
 *     reading ── body ends ──▶ bodyComplete ── last record written ──▶ finishing ── last byte sent ──▶ ended
 *        └──────────────────────────────┴── cut, defect, client gone ──────┴────────────────────────────▲
 */
export type SessionState = Reading | BodyComplete | Finishing | Ended;

/** The body still arrives, or waits for room. */
export interface Reading {
  readonly phase: 'reading';
  readonly idleLimit: IdleLimit;
  /** Bytes that the client had not read when the stream was last found idle. */
  unreadBytes: number;
}

/** The body is complete or, after a fault, given up, and records are under way. */
interface BodyComplete {
  readonly phase: 'bodyComplete';
}

/** Everything was written, and some of it is not sent yet. */
interface Finishing {
  readonly phase: 'finishing';
}

export interface Ended {
  readonly phase: 'ended';
  readonly outcome: StreamOutcome;
  /** Why the stream ended before it was complete; undefined for a complete stream. */
  readonly reason: RequestError | undefined;
}

/** The trailers of a complete stream. */
export const trailerNames = ['Millrace-Status', 'Millrace-Read', 'Millrace-Written', 'Millrace-Errors'] as const;

export function completeTrailers({
  read,
  written,
  errors,
}: StreamSummary): Record<(typeof trailerNames)[number], string> {
  return {
    'Millrace-Status': 'complete',
    'Millrace-Read': String(read),
    'Millrace-Written': String(written),
    'Millrace-Errors': String(errors),
  };
}
