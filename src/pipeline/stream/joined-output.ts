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
 * Characters of joined text after which it is written within the turn of the event loop: bounds the memory that an
 * immediate lookup fills. With its last line and framing it is still less than 64 KiB, one segment for a reader on the
 * same host; each segment wakes that reader.
 */
const FLUSH_CHARS = 60 * 1024;
/** Fewer bytes are joined with the text: to write them alone would cost more. */
const LEAST_BYTES = 8 * 1024;

/** Receives the text and the events of the outcomes. */
export interface OutputHooks {
  /** False: no room; nothing more is written until `readerReady` is called. */
  write(output: string | Buffer): boolean;
  /** An outcome ends the stream; the text before it has been written. */
  fatal(error: RequestError): void;
  /** Counts more held bytes, or fewer if negative. */
  addBytes(bytes: number): void;
  /** The last line of an unfinished outcome is out; `ready` is true again if there is room. */
  finished(): void;
}

/** An exploded record that has lines still to come. */
interface Exploding {
  readonly outcome: Outcome;
  readonly lines: ExplodedLines;
  readonly heldBytes: number;
}

/**
 * Receives the outcomes that the operator emits: frames and joins them, and writes the text once in a turn of the event
 * loop, however often the loop of the operator has run in it.
 *
 * The lines of an exploded record are made as there is room for them, some 60 KiB in a turn of the event loop; until the
 * last one is out, no other record is emitted.
 */
export class JoinedOutput implements Downstream<Outcome> {
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #crEndsLine: boolean;
  readonly #tally: Tally;
  readonly #hooks: OutputHooks;
  #text = '';
  /** The end of the last line that came in parts, and the same with the suffix. Most lines end like the previous one. */
  #end: string | undefined;
  #framedEnd = '';
  #room = true;
  #exploding: Exploding | undefined;
  #explodeScheduled = false;
  #writeScheduled = false;
  readonly #scheduledWrite: () => void;
  readonly #scheduledExplode: () => void;

  constructor({ prefix, suffix, crEndsLine }: Framing, tally: Tally, hooks: OutputHooks, guard: Guard) {
    this.#prefix = prefix;
    this.#suffix = suffix;
    this.#crEndsLine = crEndsLine;
    this.#tally = tally;
    this.#hooks = hooks;
    this.#scheduledWrite = guard(() => {
      this.#writeScheduled = false;
      this.write();
    });
    this.#scheduledExplode = guard(() => {
      this.#explodeScheduled = false;
      this.#continueExploding();
    });
  }

  get ready(): boolean {
    return this.#room && this.#exploding === undefined;
  }

  /** Whether the reader has room. */
  get room(): boolean {
    return this.#room;
  }

  /** Whether a record is written in part. */
  get unfinished(): boolean {
    return this.#exploding !== undefined;
  }

  /** The reader has room again. */
  readerReady(): void {
    this.#room = true;
    this.#continueExploding();
  }

  /** Drops the text and an unfinished record: nothing is written from now on. */
  close(): void {
    this.#room = false;
    this.#text = '';
    this.#exploding = undefined;
  }

  /** False if the outcome has more lines than there is room for: then `finished` is called after the last one. */
  emit(outcome: Outcome): boolean {
    const { lines } = outcome;
    // The most frequent kind is checked first.
    const spliced = lines instanceof SplicedLine;
    if (!spliced && lines instanceof ExplodedLines) return this.#beginExploding(outcome, lines);
    this.#tally.out(outcome);
    if (outcome.fatal !== undefined) {
      this.write();
      this.#hooks.fatal(outcome.fatal);
      return true;
    }
    if (spliced && !this.#crEndsLine) this.#splicedLine(lines);
    else if (spliced) this.line(lines.toString());
    else if (typeof lines === 'string') this.line(lines);
    else for (const line of lines) this.line(line);
    if (this.#text.length >= FLUSH_CHARS) this.write();
    return true;
  }

  #beginExploding(outcome: Outcome, lines: ExplodedLines): boolean {
    const heldBytes = explodedBytes(lines);
    this.#exploding = { outcome, lines, heldBytes };
    this.#hooks.addBytes(heldBytes);
    return this.#explode(this.#exploding);
  }

  #continueExploding(): void {
    if (this.#exploding !== undefined && this.#explode(this.#exploding)) this.#hooks.finished();
  }

  /** Makes lines for one write; true if the last one is written. */
  #explode({ outcome, lines, heldBytes }: Exploding): boolean {
    while (this.#room) {
      const line = lines.next();
      if (line === undefined) {
        this.#exploding = undefined;
        this.#tally.out(outcome);
        this.#hooks.addBytes(-heldBytes);
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

  /** The text that is not written yet. It must come back as the first bytes of `bytes`. */
  takeText(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  /** Framed lines as UTF-8, which may change after the call. */
  bytes(lines: Buffer): void {
    if (lines.length >= LEAST_BYTES) {
      if (!this.#hooks.write(lines)) this.#room = false;
    } else {
      this.#text = lines.toString();
      this.flush();
    }
  }

  emitBarrier(barrier: Watermark): void {
    if (barrier instanceof BarrierLine) this.line(barrier.value);
  }

  /** A line of JSON in one piece. */
  line(text: string): void {
    this.#text += this.#prefix + (this.#crEndsLine ? compact(text) : text) + this.#suffix;
  }

  #splicedLine({ head, opening, json, end }: SplicedLine): void {
    if (end !== this.#end) {
      this.#end = end;
      this.#framedEnd = end + this.#suffix;
    }
    const text = this.#prefix === '' ? this.#text : this.#text + this.#prefix;
    this.#text = text + head + opening + json + this.#framedEnd;
  }

  /** Schedules a write for the end of this turn of the event loop. */
  flush(): void {
    if (this.#writeScheduled || this.#text === '') return;
    this.#writeScheduled = true;
    inLaterTurn(this.#scheduledWrite);
  }

  /** Writes the joined text now. */
  write(): void {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    if (!this.#hooks.write(text)) this.#room = false;
  }
}
