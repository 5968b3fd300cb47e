import type { Logger } from '../core/logger.ts';
import type { TableCounts } from '../core/observer.ts';
import type { Clock } from '../core/time.ts';
import { answersOf, type Answers, contentOf, stateOf } from './table-file.ts';
import type { TableReloadOptions } from './table-options.ts';

/** How often a file is looked at that is read again when it has changed: a stat of a few microseconds. */
const lookEveryMs = 1000;

export interface TableSource {
  /** Absolute path. */
  readonly file: string;
  /** As it was configured, for messages. */
  readonly name: string;
  readonly key: string;
  readonly reload: TableReloadOptions | undefined;
}

/**
 * The rows of a table, which are read again while it is used.
 *
 *     file ── reading ──▶ new map ──┐ in one assignment, when all of it is right
 *     lookups ◀── answers ──────────┘ until then those that there were
 *
 * There is one timer, armed when a beat is over: readings never overlap. With `every` each beat reads the file. With
 * `onChange` a beat asks for the state of the file, by its name, so that a rename and a swapped symbolic link (a
 * ConfigMap of Kubernetes) are changes; what has changed is read when the next beat finds it as it was.
 *
 * A reading that fails changes nothing but the counts, and is logged once for each reason (departs from Flink's full
 * cache, which fails every lookup from then on). Content that was refused is not read again until it changes.
 */
export class TableContent {
  #answers: Answers | undefined;
  readonly #source: TableSource;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  readonly #reloads = { ok: 0, failed: 0 };
  #stopTimer: (() => void) | undefined;
  #beat: Promise<void> = Promise.resolve();
  /** State of the file that the rows are from. */
  #held = '';
  /** State of the file that could not be taken, undefined where that was not its content's fault. */
  #refused: string | undefined;
  /** State of the file that was new at the last beat. */
  #changing: string | undefined;
  /** Why it could not be read, at the last beat; undefined where it could. */
  #failure: string | undefined;

  constructor(source: TableSource, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#source = source;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Undefined before the first reading, and after `close`. */
  get answers(): Answers | undefined {
    return this.#answers;
  }

  get counts(): TableCounts {
    return { rows: this.#answers?.size ?? 0, reloads: this.#reloads, current: this.#failure === undefined };
  }

  /** Rejects where the file can not be read, or is not a table. */
  async open(): Promise<void> {
    await this.#read();
    this.#arm();
  }

  /** Nothing runs any more when it resolves. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#stopTimer?.();
    await this.#beat;
    this.#answers = undefined;
  }

  #arm(): void {
    const { reload } = this.#source;
    if (reload === undefined || this.#stop.signal.aborted) return;
    this.#stopTimer = this.#clock.setTimer(reload.every ?? lookEveryMs, () => {
      this.#beat = (reload.every === undefined ? this.#look() : this.#readAgain()).then(() => this.#arm());
    });
  }

  async #look(): Promise<void> {
    let state: string;
    try {
      state = await stateOf(this.#source.file);
    } catch (error) {
      this.#changing = undefined;
      return this.#failed(error);
    }
    if (state === this.#held) this.#failure = undefined;
    if (state === this.#held || state === this.#refused) return;
    // It may still be written to.
    if (state !== this.#changing) {
      this.#changing = state;
      return;
    }
    await this.#readAgain();
  }

  async #readAgain(): Promise<void> {
    try {
      await this.#read();
    } catch (error) {
      return this.#failed(error);
    }
    this.#reloads.ok++;
    this.#failure = undefined;
    this.#logger.info(`table ${this.#source.name}: read again, ${this.#answers?.size} rows`);
  }

  async #read(): Promise<void> {
    const { file, key } = this.#source;
    const { signal } = this.#stop;
    const content = await contentOf(file, signal);
    this.#refused = content.state;
    this.#answers = await answersOf(file, content, key, signal);
    this.#refused = undefined;
    this.#held = content.state;
  }

  #failed(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    const why = error instanceof Error ? error.message : String(error);
    this.#reloads.failed++;
    if (why !== this.#failure) {
      const details = { file: this.#source.file, rows: this.#answers?.size };
      this.#logger.error(`table ${this.#source.name}: not read again, its rows stay as they were: ${why}`, details);
    }
    this.#failure = why;
  }
}
