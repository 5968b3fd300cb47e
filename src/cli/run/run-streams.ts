import type { Engine } from './engine/engine.ts';
import type { Targets } from './files.ts';
import type { Source } from './input/source.ts';
import { Journal, type Start } from './lines/journal.ts';
import { Marks } from './lines/marks.ts';
import { OutputLines } from './lines/output-lines.ts';
import { Collector, type Counts } from './output/collector.ts';
import { Delivery } from './output/delivery.ts';
import type { SavedState } from './state/saved-state.ts';

export interface RunStreamsOptions {
  readonly source: Source;
  readonly start: Start;
  readonly targets: Targets;
  readonly saved: SavedState | undefined;
  /** Whether `$` lines of the input are control lines. */
  readonly control: boolean;
  /** Whether the lines of failed records are put aside. */
  readonly errors: boolean;
}

/** The way of the lines from a source through an engine to the targets. */
export class RunStreams {
  readonly #source: Source;
  readonly #journal: Journal;
  readonly #marks: Marks;
  readonly #delivery: Delivery;
  readonly #collector: Collector;
  readonly #stopped = new AbortController();
  #resume: () => void = () => {};

  constructor({ source, start, targets, saved, control, errors }: RunStreamsOptions) {
    this.#source = source;
    this.#journal = new Journal(start);
    this.#marks = new Marks(!control);
    this.#delivery = new Delivery({
      ...targets,
      onRoom: () => {
        const resume = this.#resume;
        this.#resume = () => {};
        resume();
      },
      onFailure: (error) => this.#stopped.abort(error),
    });
    const { written = 0, failed = 0 } = saved?.state ?? {};
    this.#collector = new Collector({
      journal: this.#journal,
      delivery: this.#delivery,
      counts: { written, failed, failures: new Map() },
      putsAside: errors,
      onCommit: (progress, last) => saved?.save(progress, last && !source.stopped && source.failure === undefined),
    });
  }

  /** Records that were read. */
  get records(): number {
    return this.#journal.records;
  }

  get counts(): Counts {
    return this.#collector.counts;
  }

  get figures(): { readonly records: number; readonly failed: number } {
    return { records: this.records, failed: this.counts.failed };
  }

  /** Resolves when all output is written. Rejects with the reason of an incomplete end; what is final is written by then. */
  async run(engine: Engine): Promise<void> {
    const delivery = this.#delivery;
    const { signal } = this.#stopped;
    try {
      await engine.run({
        source: this.#source,
        journal: this.#journal,
        marks: this.#marks,
        output: (onFatal) => new OutputLines(this.#marks, this.#collector.events(onFatal)),
        hasRoom: () => delivery.hasRoom,
        whenRoom: (resume) => {
          this.#resume = resume;
        },
        heldBytes: () => delivery.queuedBytes,
        rollback: () => this.#collector.rollback(),
        signal,
      });
    } catch (error) {
      await delivery.settled();
      // The reason is reported, and not that of the closing.
      await delivery.close().catch(() => {});
      throw signal.aborted ? signal.reason : error;
    }
    await delivery.close();
    if (signal.aborted) throw signal.reason;
  }
}
