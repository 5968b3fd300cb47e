import { FileWatch, type Fingerprint } from '../../core/file-watch.ts';
import type { Logger } from '../../core/observer/logger.ts';
import type { TableCounts } from '../../core/observer/observer.ts';
import type { Clock } from '../../core/time/time.ts';
import { contentOf, indexOf } from './table-file.ts';
import type { TableIndex } from './table-index.ts';
import type { TableReloadOptions } from './table-options.ts';

/** How often the file is checked for a change (`onChange`): one stat of a few microseconds. */
const checkEveryMs = 1000;

export interface TableSource {
  /** Absolute path. */
  readonly file: string;
  /** The name of the file as configured, for messages. */
  readonly name: string;
  readonly key: string;
  /** The character between the cells of a CSV file; undefined for JSON and NDJSON. */
  readonly delimiter: string | undefined;
  readonly reload: TableReloadOptions | undefined;
}

/**
 * The rows of a table. They are read again while the table is used.
 *
 *     file ── reading ──▶ new rows ─┐ replace the old rows in one assignment, when all of them are read
 *     lookups ◀── answers ──────────┘
 *
 * There is one timer, of `every` or of the watch, and none while the file is read, so readings never overlap. A reading
 * that fails changes only the counts, and is logged once for each reason (Flink's full cache fails every lookup from
 * then on).
 */
export class TableContent {
  #rows: TableIndex | undefined;
  #readings = 0;
  readonly #source: TableSource;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #watch: FileWatch;
  readonly #stop = new AbortController();
  readonly #reloads = { ok: 0, failed: 0 };
  #stopTimer: (() => void) | undefined;
  #reading: Promise<void> = Promise.resolve();
  /** The version of the file that was read last, valid or not. If it could not be read, the code of the error. */
  #version: Fingerprint = '';
  /** Why the last reading failed; undefined if it did not fail. */
  #failure: string | undefined;

  constructor(source: TableSource, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#source = source;
    this.#clock = clock;
    this.#logger = logger;
    this.#watch = new FileWatch({ clock, everyMs: checkEveryMs, onChange: () => this.#readAgain() });
  }

  /** Undefined before the first reading, and after `close`. */
  get rows(): TableIndex | undefined {
    return this.#rows;
  }

  /** How often the rows were replaced. */
  get version(): number {
    return this.#readings;
  }

  get counts(): TableCounts {
    return { rows: this.#rows?.size ?? 0, reloads: this.#reloads, current: this.#failure === undefined };
  }

  /** Rejects if the file cannot be read or is not a table. */
  async open(): Promise<void> {
    await this.#read();
    this.#scheduleReading();
  }

  /** When it resolves, no reading and no timer is left. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#stopTimer?.();
    this.#watch.close();
    await this.#reading;
    this.#rows = undefined;
  }

  /** Sets the timer for the next reading. */
  #scheduleReading(): void {
    const { reload, file } = this.#source;
    if (reload === undefined || this.#stop.signal.aborted) return;
    if (reload.every === undefined) this.#watch.follow(new Map([[file, this.#version]]));
    else this.#stopTimer = this.#clock.setTimer(reload.every, () => this.#readAgain());
  }

  #readAgain(): void {
    this.#watch.follow(new Map());
    this.#reading = this.#read()
      .then(
        () => this.#succeeded(),
        (error: unknown) => this.#failed(error),
      )
      .then(() => this.#scheduleReading());
  }

  async #read(): Promise<void> {
    const { file } = this.#source;
    const { signal } = this.#stop;
    try {
      const content = await contentOf(file, signal);
      this.#version = content.version;
      const replaced = this.#rows;
      this.#rows = await indexOf(content, this.#source, signal);
      this.#readings += 1;
      // Answers are texts of their own, so no caller uses these bytes.
      replaced?.free();
    } catch (error) {
      // The watch knows a file that cannot be read by the code of its error: it reads again when that changes.
      if (error instanceof Error && 'code' in error) this.#version = String(error.code);
      throw error;
    }
  }

  #succeeded(): void {
    this.#reloads.ok++;
    this.#failure = undefined;
    this.#logger.info(`table ${this.#source.name}: read again, ${this.#rows?.size} rows`);
  }

  #failed(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    const why = error instanceof Error ? error.message : String(error);
    this.#reloads.failed++;
    if (why !== this.#failure) {
      const details = { file: this.#source.file, rows: this.#rows?.size };
      this.#logger.error(`table ${this.#source.name}: not read again, its rows stay as they were: ${why}`, details);
    }
    this.#failure = why;
  }
}
