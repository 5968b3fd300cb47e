import type { RequestError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import type { Downstream } from '../../operator/async-wait-options.ts';
import type { Watermark } from '../../operator/watermark.ts';
import { checkpointLine, fatalLine, summaryLine } from '../../wire/control.ts';
import type { JoinedOutput } from '../stream/joined-output.ts';
import type { Outcome } from '../record/outcome.ts';
import type { ControlSettings } from '../stream-settings.ts';
import type { Progress } from '../../operator/progress.ts';
import type { StreamSummary } from '../stream/tally.ts';

/**
 * Checkpoints with many pending lines would be most of the output: 100 pending lines, repeated after each line of output,
 * are some 800 bytes a line. So a checkpoint that is due waits until as many lines are out as it has pending lines, or
 * until so many milliseconds after the first of them.
 */
const LONGEST_WAIT_MS = 1000;

/** Writes the control lines of a stream between its records. */
export class ControlOutput implements Downstream<Outcome> {
  readonly #settings: ControlSettings;
  readonly #output: JoinedOutput;
  readonly #progress: Progress;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #lines: number;
  readonly #ms: number;
  #due = false;
  /** A checkpoint waits until the last line of the current record is written. */
  #wanted = false;
  #disarm: (() => void) | undefined;

  constructor(settings: ControlSettings, output: JoinedOutput, progress: Progress, clock: Clock) {
    const { checkpoint } = settings;
    this.#settings = settings;
    this.#output = output;
    this.#progress = progress;
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#lines = checkpoint !== undefined && 'lines' in checkpoint ? checkpoint.lines : Infinity;
    this.#ms = checkpoint !== undefined && 'ms' in checkpoint ? checkpoint.ms : Infinity;
  }

  get ready(): boolean {
    return this.#output.ready;
  }

  emit(outcome: Outcome): void {
    const whole = this.#output.emit(outcome);
    // A record that ends its stream does not count as out: a resumed stream begins with it.
    if (whole && outcome.fatal === undefined) this.#emitted();
  }

  /** The last line of an outcome is written. */
  finished(): void {
    this.#emitted();
    if (this.#wanted) this.checkpoint();
  }

  emitBarrier(barrier: Watermark): void {
    this.#output.emitBarrier(barrier);
    this.#emitted();
  }

  flush(): void {
    this.#output.flush();
  }

  /** Writes a checkpoint now, or after the last line of the current record. */
  checkpoint(): void {
    if (!this.#progress.started) return;
    // In the middle of a record, a resumed stream would repeat the lines above the checkpoint.
    this.#wanted = this.#output.unfinished;
    if (this.#wanted) return;
    this.#write();
    this.#output.write();
  }

  complete(summary: StreamSummary): void {
    this.#disarmTimer();
    const durationMs = Math.round(this.#clock.now() - this.#startedAt);
    this.#output.line(summaryLine({ status: 'complete', ...summary, durationMs }));
    this.#output.write();
  }

  /** Writes the last lines of a stream that is cut: a checkpoint if it is new, then `$fatal`. */
  fatal(error: RequestError): void {
    if (this.#progress.fresh > 0 && !this.#output.unfinished) this.#write();
    this.#output.line(fatalLine(this.#settings.problem(error)));
    this.#output.write();
  }

  /** Disarms the timer: no checkpoint is written from now on. */
  close(): void {
    this.#disarmTimer();
  }

  #emitted(): void {
    const progress = this.#progress;
    progress.emitted();
    if (progress.fresh >= this.#lines) this.#due = true;
    if (this.#due && progress.fresh >= progress.pending) this.#write();
    else if (this.#ms !== Infinity) this.#disarm ??= this.#clock.setTimer(this.#ms, () => this.#timeIsUp());
    else if (this.#due) this.#disarm ??= this.#clock.setTimer(LONGEST_WAIT_MS, () => this.checkpoint());
  }

  #timeIsUp(): void {
    const waitMs = LONGEST_WAIT_MS - this.#ms;
    if (waitMs <= 0 || this.#progress.fresh >= this.#progress.pending) return this.checkpoint();
    this.#due = true;
    this.#disarm = this.#clock.setTimer(waitMs, () => this.checkpoint());
  }

  #write(): void {
    this.#disarmTimer();
    this.#due = false;
    this.#wanted = false;
    this.#output.line(checkpointLine(this.#progress.checkpoint()));
  }

  #disarmTimer(): void {
    this.#disarm?.();
    this.#disarm = undefined;
  }
}
