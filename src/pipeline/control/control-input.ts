import { RequestError } from '../../core/errors.ts';
import type { BadLine } from '../../wire/lines/bad-line.ts';
import {
  badResume,
  type LineCheckpoint,
  isControlLine,
  isResumeLine,
  parseResume,
  watermarkFault,
} from '../../wire/control.ts';
import { compact } from '../../wire/json/json-text.ts';
import { BarrierLine } from './barrier-line.ts';
import { type Entry, entryOf } from '../record/entry.ts';
import type { Progress } from '../../operator/progress.ts';

/**
 * Reads the lines of a body that may hold control lines, and finds for each its number in the whole input.
 *
 *     body      $resume  a    b    c    d    e         {"next":1000,"pending":[997,998]}
 *     seq                997  998  1000 1001 1002
 */
export class ControlInput {
  readonly #progress: Progress;
  readonly #multiline: boolean;
  #from: LineCheckpoint;
  #first = true;
  /** Lines of the body before the first line of `#from`. */
  #uncounted = 0;
  /** Pending lines that the body has brought so far. */
  #resumed = 0;

  constructor(offset: number, multiline: boolean, progress: Progress) {
    this.#from = { next: offset, pending: [] };
    this.#multiline = multiline;
    this.#progress = progress;
  }

  /** The entry or barrier of the line at `index` of the body; undefined for `$resume`, an error if it cannot be followed. */
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
    if (this.#from.next > 0) return badResume('$resume and the parameter offset are both set; use one of them');
    if (typeof line !== 'string') return badResume(`$resume: ${line.message}`);
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
