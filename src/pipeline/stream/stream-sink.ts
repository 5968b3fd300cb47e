import type { RequestError } from '../../core/errors.ts';
import type { StreamSummary } from './tally.ts';

/** Receives the output of a stream. No method is called after `end`, `fail` or `abort`. */
export interface StreamSink {
  /**
   * Sends text, or UTF-8 that may change after the call, now. Returns false if there is no more room; then `readerReady()`
   * is to be called later.
   */
  write(output: string | Buffer): boolean;
  /** Bytes that were written and that the reader has not read; `readerReady()` is called when there are fewer. */
  readonly heldBytes: number;
  /** More of the body may be pushed, after `push` had returned false. */
  resume(): void;
  end(summary: StreamSummary): void;
  fail(error: RequestError): void;
  /** Receives an error that a defect has thrown in a timer, a promise or an event of this stream. */
  defect(error: unknown): void;
}
