import type { RequestError } from '../../core/errors.ts';
import type { StreamSummary } from './tally.ts';

/** Where a stream's output goes. Nothing is called after `end`, `fail` or `abort`. */
export interface StreamSink {
  /** Takes text to be sent now; false when it has no room and will call `drained()`. */
  write(text: string): boolean;
  /** Bytes that were written and that the reader has not taken; `drained()` is called when they are fewer. */
  readonly heldBytes: number;
  /** More of the body may be pushed: `push` had said false. */
  resume(): void;
  end(summary: StreamSummary): void;
  fail(error: RequestError): void;
  /** A defect: something was thrown at an event that is not one of the calls of this stream. */
  defect(error: unknown): void;
}
