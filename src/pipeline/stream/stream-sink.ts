import type { RequestError } from '../../core/errors.ts';
import type { MemoryBudget } from '../../core/memory-budget.ts';
import type { PipelineObserver } from '../../core/observer/observer.ts';
import type { Clock } from '../../core/time/time.ts';
import type { AnswerForecast } from './held-bytes.ts';
import type { StreamSummary } from './tally.ts';

/** What the streams of a pipeline share. */
export interface StreamRuntime {
  readonly observer: PipelineObserver;
  readonly clock: Clock;
  readonly memory: MemoryBudget;
  readonly forecast: AnswerForecast;
}

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
