import type { PipelineObserver } from '../../core/observer/observer.ts';
import { SplicedLine } from '../../wire/spliced-line.ts';
import { ExplodedLines } from '../record/exploded-lines.ts';
import type { Outcome } from '../record/outcome.ts';

/** Counts of a stream so far, in records; `written` in lines. */
export interface StreamSummary {
  readonly read: number;
  readonly written: number;
  readonly errors: number;
  readonly misses: number;
  readonly dropped: number;
}

/** Counts the records of one stream, for its end and for the metrics of its pipeline. */
export class Tally implements StreamSummary {
  read = 0;
  written = 0;
  errors = 0;
  misses = 0;
  dropped = 0;
  /** Records read that have no outcome yet. */
  #withoutOutcome = 0;
  readonly #observer: PipelineObserver;

  constructor(observer: PipelineObserver) {
    this.#observer = observer;
  }

  in(): void {
    this.read += 1;
    this.#withoutOutcome += 1;
    this.#observer.recordIn();
  }

  /** Lines that were read, enriched and written together; `missed` of them have a miss. No time passed between. */
  passed(lines: number, missed: number): void {
    const observer = this.#observer;
    this.read += lines;
    this.written += lines;
    this.misses += missed;
    observer.recordIn(lines);
    observer.reorderWait(0, lines);
    observer.recordDuration(0, lines);
    if (lines > missed) observer.recordOut('enriched', lines - missed);
    if (missed > 0) observer.recordOut('missed', missed);
  }

  out(outcome: Outcome): void {
    const { lines } = outcome;
    this.#withoutOutcome -= 1;
    if (typeof lines === 'string' || lines instanceof SplicedLine) this.written += 1;
    // Lines of an exploded record are counted as they are made.
    else if (!(lines instanceof ExplodedLines)) this.written += lines.length;
    if (outcome.kind === 'missed') this.misses += 1;
    else if (outcome.kind === 'dropped') this.dropped += 1;
    if (outcome.failure !== undefined) {
      this.errors += 1;
      this.#observer.recordError(outcome.failure);
    }
    this.#observer.recordOut(outcome.kind);
  }

  /** The stream has ended: records without an outcome count as cancelled. Not to be used from now on. */
  end(): void {
    if (this.#withoutOutcome > 0) this.#observer.recordsCancelled(this.#withoutOutcome);
    this.#withoutOutcome = 0;
  }

  snapshot(): StreamSummary {
    const { read, written, errors, misses, dropped } = this;
    return { read, written, errors, misses, dropped };
  }
}
