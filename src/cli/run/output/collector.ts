import type { JsonObject } from '../../../core/json/json.ts';
import type { Journal, Position } from '../lines/journal.ts';
import type { FailedLine, OutputEvents } from '../lines/output-lines.ts';
import type { Delivery, Lengths } from './delivery.ts';

/** Failed records of one error code. */
interface FailuresOfCode {
  readonly count: number;
  /** The first one in the output. */
  readonly first: FailedLine;
}

export interface Counts {
  /** Lines of the output. */
  readonly written: number;
  /** Records with an `_error`, and those that were put aside. */
  readonly failed: number;
  readonly failures: ReadonlyMap<string, FailuresOfCode>;
}

/** What a state holds. */
export interface Progress extends Counts {
  readonly position: Position;
  readonly lengths: Lengths;
}

export interface CollectorOptions {
  readonly journal: Journal;
  readonly delivery: Delivery;
  readonly counts: Counts;
  /** Whether the lines of failed records are put aside. */
  readonly putsAside: boolean;
  /** The targets have everything up to a checkpoint. `last`: the stream is complete. */
  readonly onCommit: (progress: Progress, last: boolean) => Promise<void> | void;
}

/** Passes the output of a stream on: lines and failed records to their targets, checkpoints to the journal and to both. */
export class Collector {
  readonly #options: CollectorOptions;
  #counts: Counts;
  #committed: Counts;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#counts = options.counts;
    this.#committed = options.counts;
  }

  get counts(): Counts {
    return this.#counts;
  }

  events(onFatal: (problem: JsonObject) => void): OutputEvents {
    const { delivery } = this.#options;
    return {
      lines: (bytes, count) => {
        this.#counts = { ...this.#counts, written: this.#counts.written + count };
        delivery.lines(bytes);
      },
      failed: (failure, line) => this.#failed(failure, line),
      checkpoint: (checkpoint) => this.#commit(this.#options.journal.checkpoint(checkpoint), false),
      summary: () => this.#commit(this.#options.journal.complete(), true),
      fatal: onFatal,
    };
  }

  /** The lines since the last checkpoint come again. */
  rollback(): void {
    this.#counts = this.#committed;
    this.#options.delivery.rollback();
  }

  #failed(failure: FailedLine, line: Buffer): void {
    const { journal, delivery, putsAside } = this.#options;
    const original = journal.line(failure.seq);
    const { written, failed, failures } = this.#counts;
    if (original === undefined) {
      this.#counts = { ...this.#counts, written: written + 1 };
      return delivery.lines(line);
    }
    const same = failures.get(failure.code);
    const ofCode = { count: (same?.count ?? 0) + 1, first: same?.first ?? failure };
    this.#counts = {
      written: putsAside ? written : written + 1,
      failed: failed + 1,
      failures: new Map([...failures, [failure.code, ofCode]]),
    };
    if (putsAside) delivery.errors(Buffer.from(original));
    else delivery.lines(line);
  }

  #commit(position: Position, last: boolean): void {
    const { delivery, onCommit } = this.#options;
    const counts = this.#counts;
    this.#committed = counts;
    delivery.commit((lengths) => onCommit({ ...counts, position, lengths }, last));
  }
}
