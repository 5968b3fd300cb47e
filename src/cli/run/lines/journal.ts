import type { LineCheckpoint } from '../../../wire/control.ts';
import { type Block, lineEnd, type Place, recordsIn } from './block.ts';

/** A line whose output is not complete, with its bytes, its LF included. */
export interface KeptLine {
  readonly seq: number;
  readonly place: Place;
  readonly bytes: Buffer;
}

/** How far the output reaches: that of every line before `next`, except the pending ones, is complete. */
export interface Position {
  readonly next: { readonly seq: number; readonly place: Place };
  readonly pending: readonly { readonly seq: number; readonly place: Place }[];
  /** Records before `next`. */
  readonly records: number;
}

/** Where a run begins, with the text of the pending lines. */
export interface Start extends Omit<Position, 'pending'> {
  readonly pending: readonly KeptLine[];
}

/**
 * The lines that were read and whose output is not complete: they are sent again if the stream breaks.
 *
 *     lines      0 … 16 [17] 18 [19] 20 … 29 │ 30 … 4000 │ 4001 …
 *                   pending, one by one      │ blocks    │ not read yet
 *                                           next
 */
export class Journal {
  readonly #blocks: Block[] = [];
  /** Number of the first of `#blocks`, counted from the first block of the run. */
  #firstBlock = 0;
  #blockBytes = 0;
  readonly #pending = new Map<number, KeptLine>();
  #next: Position['next'];
  #records: number;
  /** The place after the last line that was read. */
  #end: Position['next'];
  #endRecords: number;

  constructor(start: Start) {
    this.#next = start.next;
    this.#records = start.records;
    this.#end = start.next;
    this.#endRecords = start.records;
    for (const line of start.pending) this.#pending.set(line.seq, line);
  }

  /** Bytes of the lines from `next` on. */
  get bytes(): number {
    return this.#blockBytes;
  }

  /** The number of the block that is added next. */
  get blockCount(): number {
    return this.#firstBlock + this.#blocks.length;
  }

  get records(): number {
    return this.#endRecords;
  }

  add(block: Block): void {
    this.#blocks.push(block);
    this.#blockBytes += block.bytes.length;
    const place = { input: block.input, offset: block.end };
    this.#end = { seq: block.firstSeq + block.starts.length, place };
    this.#endRecords = block.recordsBefore + block.records;
  }

  /** A block that was added; undefined if the output of all its lines is complete, or if it was not added yet. */
  block(number: number): Block | undefined {
    return this.#blocks[number - this.#firstBlock];
  }

  /** The lines to be sent again: the pending ones, and then the blocks from `firstBlock` on, without the lines before `next`. */
  get resume(): {
    readonly checkpoint: LineCheckpoint;
    readonly pending: readonly KeptLine[];
    readonly firstBlock: number;
  } {
    const pending = [...this.#pending.values()];
    const checkpoint = { next: this.#next.seq, pending: pending.map(({ seq }) => seq) };
    return { checkpoint, pending, firstBlock: this.#firstBlock };
  }

  /** The bytes of a line whose output is not complete, its LF included; undefined if there is no such line. */
  line(seq: number): Buffer | undefined {
    return this.#line(seq)?.bytes;
  }

  /** Forgets the lines whose output is complete. Throws Error if the checkpoint names lines that were not sent. */
  checkpoint({ next, pending }: LineCheckpoint): Position {
    if (next < this.#next.seq || next > this.#end.seq) throw unknownLine(next);
    const lines = pending.map((seq) => {
      const line = this.#line(seq);
      if (line === undefined || seq >= next) throw unknownLine(seq);
      // A copy: a part of a block would keep all of it.
      return this.#pending.get(seq) ?? { ...line, bytes: Buffer.from(line.bytes) };
    });
    this.#pending.clear();
    for (const line of lines) this.#pending.set(line.seq, line);
    this.#forgetBefore(next);
    return { next: this.#next, pending: lines.map(({ seq, place }) => ({ seq, place })), records: this.#records };
  }

  /** The output of every line that was read is complete. */
  complete(): Position {
    return this.checkpoint({ next: this.#end.seq, pending: [] });
  }

  #forgetBefore(next: number): void {
    let done = 0;
    for (const block of this.#blocks) {
      if (block.firstSeq + block.starts.length > next) break;
      this.#blockBytes -= block.bytes.length;
      done += 1;
    }
    this.#blocks.splice(0, done);
    this.#firstBlock += done;
    const [first] = this.#blocks;
    if (first === undefined) {
      this.#next = this.#end;
      this.#records = this.#endRecords;
      return;
    }
    const index = next - first.firstSeq;
    this.#next = { seq: next, place: placeOf(first, index) };
    this.#records = first.recordsBefore + recordsIn(first, index);
  }

  #line(seq: number): KeptLine | undefined {
    const pending = this.#pending.get(seq);
    if (pending !== undefined || seq < this.#next.seq) return pending;
    const block = this.#blocks.find(({ firstSeq, starts }) => seq < firstSeq + starts.length);
    if (block === undefined) return undefined;
    const index = seq - block.firstSeq;
    const bytes = block.bytes.subarray(block.starts[index], lineEnd(block, index));
    return { seq, place: placeOf(block, index), bytes };
  }
}

function placeOf({ input, offset, starts, bytes }: Block, index: number): Place {
  return { input, offset: offset + (starts[index] ?? bytes.length) };
}

function unknownLine(seq: number): Error {
  return new Error(`the stream named line ${seq + 1} in a checkpoint, and that line was not sent or is complete`);
}
