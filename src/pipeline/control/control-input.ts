import { RequestError } from '../../core/errors.ts';
import type { BadLine } from '../../wire/lines/bad-line.ts';
import {
  badResume,
  type Checkpoint,
  isControlLine,
  isResumeLine,
  parseResume,
  watermarkFault,
} from '../../wire/control.ts';
import { compact } from '../../wire/json/json-text.ts';
import { BarrierLine } from './barrier-line.ts';
import { type Entry, entryOf } from '../record/invoke-records.ts';
import type { Progress } from '../../operator/progress.ts';

/**
 * Reads the lines of a body that may hold control lines, and says which line of the whole input each one is.
 *
 *     body      $resume  a    b    c    d    e         {"next":1000,"pending":[997,998]}
 *     seq                997  998  1000 1001 1002
 */
export class ControlInput {
  readonly #progress: Progress;
  readonly #multiline: boolean;
  #from: Checkpoint;
  #first = true;
  /** Lines of the body before the one that is the first of `#from`. */
  #uncounted = 0;
  /** Pending lines that have come. */
  #resumed = 0;

  constructor(offset: number, multiline: boolean, progress: Progress) {
    this.#from = { next: offset, pending: [] };
    this.#multiline = multiline;
    this.#progress = progress;
  }

  /** What the line at `index` of the body is; undefined for the `$resume`, an error where that can not be taken. */
  read(line: string | BadLine, index: number, charBytes: 1 | 2): Entry | BarrierLine | RequestError | undefined {
    if (this.#first) {
      this.#first = false;
      if (isResumeLine(typeof line === 'string' ? line : line.input)) return this.#resume(line, index);
    }
    const seq = this.#seqOf(index - this.#uncounted);
    this.#progress.read(seq);
    if (typeof line !== 'string' || !isControlLine(line)) return entryOf(seq, line, charBytes);
    const text = this.#multiline ? compact(line) : line;
    const fault = watermarkFault(text);
    return fault === undefined ? new BarrierLine(seq, text) : entryOf(seq, fault, charBytes);
  }

  #resume(line: string | BadLine, index: number): RequestError | undefined {
    if (this.#from.next > 0) return badResume('the parameter offset says already where to go on');
    if (typeof line !== 'string') return badResume(line.message);
    try {
      this.#from = parseResume(line);
    } catch (error) {
      if (error instanceof RequestError) return error;
      throw error;
    }
    this.#uncounted = index + 1;
    this.#progress.resume(this.#from);
    return undefined;
  }

  #seqOf(at: number): number {
    const { next, pending } = this.#from;
    for (; this.#resumed < pending.length; this.#resumed += 1) {
      const seq = pending[this.#resumed] ?? next;
      if (this.#resumed < at) this.#progress.blank(seq);
      else {
        this.#resumed += 1;
        return seq;
      }
    }
    return next + at - pending.length;
  }
}
