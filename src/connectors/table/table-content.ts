import { FileWatch, type Fingerprint } from '../../core/file-watch.ts';
import type { Logger } from '../../core/observer/logger.ts';
import type { TableCounts } from '../../core/observer/observer.ts';
import type { Clock } from '../../core/time/time.ts';
import { contentOf, indexOf } from './table-file.ts';
import type { TableIndex } from './table-index.ts';
import type { TableReloadOptions } from './table-options.ts';

/** How often a file is looked at that is read again when it has changed: a stat of a few microseconds. */
const lookEveryMs = 1000;

export interface TableSource {
  /** Absolute path. */
  readonly file: string;
  /** As it was configured, for messages. */
  readonly name: string;
  readonly key: string;
  /** What stands between the cells of a CSV file; undefined for JSON and NDJSON. */
  readonly delimiter: string | undefined;
  readonly reload: TableReloadOptions | undefined;
}

/**
 * The rows of a table, which are read again while it is used.
 *
 *     file ── reading ──▶ new map ──┐ in one assignment, when all of it is right
 *     lookups ◀── answers ──────────┘ until then those that there were
 *
 * There is one timer, of `every` or of the watch, and none while the file is read: readings never overlap. A reading
 * that fails changes nothing but the counts, and is logged once for each reason (departs from Flink's full cache, which
 * fails every lookup from then on).
 */
export class TableContent {
  #rows: TableIndex | undefined;
  readonly #source: TableSource;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #watch: FileWatch;
  readonly #stop = new AbortController();
  readonly #reloads = { ok: 0, failed: 0 };
  #stopTimer: (() => void) | undefined;
  #reading: Promise<void> = Promise.resolve();
  /** What was read last, be it right or not. Where nothing could be read, what the watch knows such a file by. */
  #version: Fingerprint = '';
  /** Why the last reading failed; undefined where it did not. */
  #failure: string | undefined;

  constructor(source: TableSource, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#source = source;
    this.#clock = clock;
    this.#logger = logger;
    this.#watch = new FileWatch({ clock, everyMs: lookEveryMs, onChange: () => this.#readAgain() });
  }

  /** Undefined before the first reading, and after `close`. */
  get rows(): TableIndex | undefined {
    return this.#rows;
  }

  get counts(): TableCounts {
    return { rows: this.#rows?.size ?? 0, reloads: this.#reloads, current: this.#failure === undefined };
  }

  /** Rejects where the file can not be read, or is not a table. */
  async open(): Promise<void> {
    await this.#read();
    this.#await();
  }

  /** Nothing runs any more when it resolves. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#stopTimer?.();
    this.#watch.close();
    await this.#reading;
    this.#rows = undefined;
  }

  /** For the next reading. */
  #await(): void {
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
      .then(() => this.#await());
  }

  async #read(): Promise<void> {
    const { file } = this.#source;
    const { signal } = this.#stop;
    try {
      const content = await contentOf(file, signal);
      this.#version = content.version;
      this.#rows = await indexOf(content, this.#source, signal);
    } catch (error) {
      // A file that is not there is waited for; one that is there, but can not be read, is tried again.
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
