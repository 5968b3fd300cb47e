import type { Guard } from '../../core/guard.ts';
import type { RequestError } from '../../core/errors.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Downstream } from '../../operator/async-wait-options.ts';
import type { Watermark } from '../../operator/watermark.ts';
import type { Framing } from '../../wire/lines/framing.ts';
import { compact } from '../../wire/json/json-text.ts';
import { SplicedLine } from '../../wire/spliced-line.ts';
import { BarrierLine } from '../control/barrier-line.ts';
import { ExplodedLines } from '../record/exploded-lines.ts';
import { explodedBytes } from './held-bytes.ts';
import type { Outcome } from '../record/outcome.ts';
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
  /** So many more bytes are held, or less if negative. */
  hold(bytes: number): void;
  /** The last line of an outcome that `emit` called unfinished is out; `ready` is true again if there is room. */
  finished(): void;
}

/** An exploded record that has lines still to come. */
interface Exploding {
  readonly outcome: Outcome;
  readonly lines: ExplodedLines;
  readonly heldBytes: number;
}

/**
 * Where the operator emits to: outcomes are framed and joined, and written once a turn of the event loop, however often
 * the operator has turned in it.
 *
 * The lines of an exploded record are made as there is room for them, some 60 KiB in a turn of the event loop; until the
 * last one is out, no other record is emitted.
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
  #room = true;
  #exploding: Exploding | undefined;
  #explodeScheduled = false;
  #writeScheduled = false;
  readonly #scheduledWrite: () => void;
  readonly #scheduledExplode: () => void;

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
    this.#scheduledExplode = guard(() => {
      this.#explodeScheduled = false;
      this.#goOn();
    });
  }

  get ready(): boolean {
    return this.#room && this.#exploding === undefined;
  }

  /** Whether the reader has room. */
  get room(): boolean {
    return this.#room;
  }

  /** Whether lines of a record are out, and others of the same record are not. */
  get unfinished(): boolean {
    return this.#exploding !== undefined;
  }

  /** The reader has room again. */
  open(): void {
    this.#room = true;
    this.#goOn();
  }

  /** Nothing is written any more. */
  close(): void {
    this.#room = false;
    this.#text = '';
    this.#exploding = undefined;
  }

  /** False if lines of the outcome are still to come: then `finished` is called after the last one. */
  emit(outcome: Outcome): boolean {
    const { lines } = outcome;
    // The kind of most outcomes is checked first.
    const spliced = lines instanceof SplicedLine;
    if (!spliced && lines instanceof ExplodedLines) return this.#begin(outcome, lines);
    this.#tally.out(outcome);
    if (outcome.fatal !== undefined) {
      this.write();
      this.#ends.fatal(outcome.fatal);
      return true;
    }
    if (spliced && !this.#crEndsLine) this.#parts(lines);
    else if (spliced) this.line(lines.toString());
    else if (typeof lines === 'string') this.line(lines);
    else for (const line of lines) this.line(line);
    if (this.#text.length >= FLUSH_CHARS) this.write();
    return true;
  }

  #begin(outcome: Outcome, lines: ExplodedLines): boolean {
    const heldBytes = explodedBytes(lines);
    this.#exploding = { outcome, lines, heldBytes };
    this.#ends.hold(heldBytes);
    return this.#explode(this.#exploding);
  }

  #goOn(): void {
    if (this.#exploding !== undefined && this.#explode(this.#exploding)) this.#ends.finished();
  }

  /** Makes lines for one write; true if the last one is out. */
  #explode({ outcome, lines, heldBytes }: Exploding): boolean {
    while (this.#room) {
      const line = lines.next();
      if (line === undefined) {
        this.#exploding = undefined;
        this.#tally.out(outcome);
        this.#ends.hold(-heldBytes);
        this.flush();
        return true;
      }
      this.#tally.written += 1;
      this.line(line);
      if (this.#text.length >= FLUSH_CHARS) {
        this.write();
        this.#explodeLater();
        return false;
      }
    }
    return false;
  }

  #explodeLater(): void {
    if (!this.#room || this.#explodeScheduled) return;
    this.#explodeScheduled = true;
    inLaterTurn(this.#scheduledExplode);
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
    inLaterTurn(this.#scheduledWrite);
  }

  /** Writes it now. */
  write(): void {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    if (!this.#ends.write(text)) this.#room = false;
  }
}
