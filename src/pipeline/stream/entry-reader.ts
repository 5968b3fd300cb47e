import { RequestError } from '../../core/errors.ts';
import type { BadLine } from '../../wire/lines/bad-line.ts';
import { lineEndByte, LineSplitter } from '../../wire/lines/line-splitter.ts';
import { BarrierLine } from '../control/barrier-line.ts';
import type { ControlInput } from '../control/control-input.ts';
import { type Entry, entryOf } from '../record/entry.ts';
import type { StreamSettings } from '../stream-settings.ts';
import type { Tally } from './tally.ts';

/** Reads the chunks of a body as entries and barriers, and counts the entries as records read. */
export class EntryReader {
  readonly #splitter: LineSplitter;
  readonly #offset: number;
  readonly #lineEnd: number;
  readonly #control: ControlInput | undefined;
  readonly #tally: Tally;
  readonly #fail: (error: RequestError) => void;
  #givenUp = false;

  /** `fail` receives the error of a `$resume` line that cannot be followed. */
  constructor(
    settings: StreamSettings,
    control: ControlInput | undefined,
    tally: Tally,
    fail: (error: RequestError) => void,
  ) {
    this.#splitter = new LineSplitter(settings);
    this.#offset = settings.offset;
    this.#lineEnd = lineEndByte(settings.delimiter);
    this.#control = control;
    this.#tally = tally;
    this.#fail = fail;
  }

  /** Lines read so far, blank ones counted. */
  get lines(): number {
    return this.#splitter.lines;
  }

  /** See LineSplitter. Lines that are skipped are not counted as records read. */
  get block(): Buffer | undefined {
    return this.#splitter.block;
  }

  get blockIndex(): number {
    return this.#splitter.blockIndex;
  }

  skip(index: number, lines: number, decodeEnd: number): void {
    this.#splitter.skip(index, lines, decodeEnd);
  }

  /** Bytes of memory that are held for text that is not yet a line. */
  get heldBytes(): number {
    return this.#splitter.heldBytes;
  }

  /** Whether a line ends in a chunk. */
  endsLine(chunk: Uint8Array): boolean {
    return chunk.includes(this.#lineEnd);
  }

  /** Takes one chunk, after `next` has returned undefined. */
  push(chunk: Uint8Array): void {
    this.#splitter.push(chunk);
  }

  /** The body is complete: the text after its last line end is a line as well. */
  end(): void {
    if (!this.#givenUp) this.#splitter.end();
  }

  /** The body breaks off: the text after its last line end is no line. */
  giveUp(): void {
    this.#givenUp = true;
  }

  /** Undefined if another chunk is needed, if the body is over, or after `fail`. */
  next(): Entry | BarrierLine | undefined {
    const line = this.#splitter.next();
    if (line === undefined) return undefined;
    if (this.#control !== undefined) return this.#controlled(this.#control, line);
    this.#tally.in();
    const { seq, charBytes, ascii, lineStart } = this.#splitter;
    return entryOf(this.#offset + seq, line, charBytes, ascii, lineStart);
  }

  #controlled(control: ControlInput, line: string | BadLine): Entry | BarrierLine | undefined {
    const input = control.read(line, this.#splitter.seq, this.#splitter.charBytes);
    if (input === undefined) return this.next();
    if (input instanceof RequestError) {
      this.#fail(input);
      return undefined;
    }
    if (!(input instanceof BarrierLine)) this.#tally.in();
    return input;
  }
}
