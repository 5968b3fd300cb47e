import type { Guard } from '../core/guard.ts';
import type { RequestError } from '../core/errors.ts';
import type { Downstream } from '../operator/async-wait-options.ts';
import type { Watermark } from '../operator/watermark.ts';
import type { Framing } from '../wire/framing.ts';
import { compact } from '../wire/json-text.ts';
import { SplicedLine } from '../wire/spliced-line.ts';
import { BarrierLine } from './barrier-line.ts';
import type { Outcome } from './outcome.ts';
import type { Tally } from './tally.ts';

/**
 * Text that is joined before it is written, also within one turn: bounds the memory that a synchronous lookup fills. With
 * its last line and framing still less than 64 KiB, which is one segment to a reader on the same host: each wakes it.
 */
const FLUSH_CHARS = 60 * 1024;

export interface JoinedOutputEnds {
  /** False: no room; nothing more is written until `open` is called. */
  write(text: string): boolean;
  /** An outcome ends the stream; what stands before it has been written. */
  fatal(error: RequestError): void;
}

/**
 * Where the operator emits to: outcomes are framed and joined, and written once a turn of the event loop, however often
 * the operator has turned in it.
 */
export class JoinedOutput implements Downstream<Outcome> {
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #crEndsLine: boolean;
  readonly #tally: Tally;
  readonly #ends: JoinedOutputEnds;
  #text = '';
  /** The end of the last line in parts, and the same with the suffix: that of the next one is mostly the same. */
  #end: string | undefined;
  #framedEnd = '';
  #ready = true;
  #writeScheduled = false;
  readonly #scheduledWrite: () => void;

  constructor({ prefix, suffix, crEndsLine }: Framing, tally: Tally, ends: JoinedOutputEnds, guard: Guard) {
    this.#prefix = prefix;
    this.#suffix = suffix;
    this.#crEndsLine = crEndsLine;
    this.#tally = tally;
    this.#ends = ends;
    this.#scheduledWrite = guard(() => {
      this.#writeScheduled = false;
      this.write();
    });
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** The reader has room again. */
  open(): void {
    this.#ready = true;
  }

  /** Nothing is written any more. */
  close(): void {
    this.#ready = false;
    this.#text = '';
  }

  emit(outcome: Outcome): void {
    this.#tally.out(outcome);
    if (outcome.fatal !== undefined) {
      this.write();
      return this.#ends.fatal(outcome.fatal);
    }
    const { lines } = outcome;
    if (lines instanceof SplicedLine && !this.#crEndsLine) this.#parts(lines);
    else if (lines instanceof SplicedLine) this.line(lines.toString());
    else if (typeof lines === 'string') this.line(lines);
    else for (const line of lines) this.line(line);
    if (this.#text.length >= FLUSH_CHARS) this.write();
  }

  emitBarrier(barrier: Watermark): void {
    if (barrier instanceof BarrierLine) this.line(barrier.value);
  }

  /** A line of JSON in one piece. */
  line(text: string): void {
    this.#text += this.#prefix + (this.#crEndsLine ? compact(text) : text) + this.#suffix;
  }

  #parts({ head, opening, json, end }: SplicedLine): void {
    if (end !== this.#end) {
      this.#end = end;
      this.#framedEnd = end + this.#suffix;
    }
    const text = this.#prefix === '' ? this.#text : this.#text + this.#prefix;
    this.#text = text + head + opening + json + this.#framedEnd;
  }

  /** Writes what was emitted when this turn of the event loop is over. */
  flush(): void {
    if (this.#writeScheduled || this.#text === '') return;
    this.#writeScheduled = true;
    setImmediate(this.#scheduledWrite);
  }

  /** Writes it now. */
  write(): void {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    if (!this.#ends.write(text)) this.#ready = false;
  }
}
