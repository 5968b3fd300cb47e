import { freeMemory } from '../../core/free-memory.ts';
import { isAscii, isUtf8 } from 'node:buffer';
import { invalidUtf8, lineTooLong, type BadLine } from './bad-line.ts';
import { ByteOrderMark } from './byte-order-mark.ts';
import { Carry } from './carry.ts';
import { excerptBytes } from './excerpt.ts';
import { SequenceScanner } from './sequence-scanner.ts';

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const nothing: Buffer = Buffer.alloc(0);

/** The most bytes that are decoded together; a line that waits in a queue keeps so many bytes alive. */
const maxBlockBytes = 64 * 1024;

export interface LineSplitterOptions {
  /** The longest line in bytes, its terminator not counted. */
  readonly lineBytes: number;
  /** `lf`: newline-delimited JSON; `rs`: JSON text sequences (RFC 7464). */
  readonly delimiter: 'lf' | 'rs';
}

/** The byte of a chunk that ends a line. */
export function lineEndByte(delimiter: LineSplitterOptions['delimiter']): number {
  return delimiter === 'rs' ? 0x1e : 0x0a;
}

/**
 * Turns chunks of bytes into lines of text.
 *
 *   carry            chunk                                            what `next` does with it
 *   [ {"id": ]  +  [ 1}\n | {"id":2}\n{"id":3}\n | {"i ]
 *   `---- one line ----´    `---- block -------´   `- tail           one line: joined, checked, decoded by itself
 *                                                                    block: checked and decoded as a whole, then sliced
 *                                                                    tail: goes into the carry
 *
 * A block that is not UTF-8 is taken line by line, so that a bad line does not affect the lines beside it. The bytes of a
 * block can also be read without `next`: see `block`. A line over the limit gives its BadLine as soon as it exceeds the
 * limit; its remaining bytes are dropped as they come.
 */
export class LineSplitter {
  readonly #lineBytes: number;
  readonly #blockBytes: number;
  readonly #sequence: SequenceScanner | undefined;
  readonly #mark: ByteOrderMark = new ByteOrderMark();
  readonly #carry: Carry;

  #chunk: Buffer = nothing;
  #chunkIndex = 0;
  /** Whether lines refer to the bytes of the chunk. */
  #chunkInUse = false;
  /** Index in the chunk up to which lines are decoded one by one. */
  #singleUntil = 0;
  #block: Buffer = nothing;
  #blockIndex = 0;
  #blockIsAscii = false;
  /** Index in the block up to which `next` decodes; 0: all of it. */
  #decodeEnd = 0;
  /** The decoded part of the block: lines that all end with LF. */
  #text = '';
  #textIndex = 0;
  /** The bytes of the block, or of the last line if it stands alone, if they are ASCII: then bytes and text have the same indices. */
  #ascii: Buffer | undefined;
  #lineStart = 0;
  #charBytes: 1 | 2 = 2;

  #dropping = false;
  #ended = false;
  #seq = -1;
  #lines = 0;

  constructor(options: LineSplitterOptions) {
    this.#lineBytes = options.lineBytes;
    // The first half of a terminator may stand behind a line of full length.
    this.#carry = new Carry(options.lineBytes + 1);
    this.#blockBytes = Math.min(options.lineBytes, maxBlockBytes - 1); // Without the LF of its last line.
    this.#sequence = options.delimiter === 'rs' ? new SequenceScanner() : undefined;
  }

  /** Index in the input of the line that `next` returned last, blank lines counted; -1 before the first. */
  get seq(): number {
    return this.#seq;
  }

  /** Number of lines that `next` has read, blank ones counted. */
  get lines(): number {
    return this.#lines;
  }

  /**
   * The bytes that hold the last line from `lineStart` on, one byte for each character. Undefined if the line is not
   * ASCII, and for a line that is not in a block also if it is a JSON text of a sequence, or longer than a block.
   */
  get ascii(): Buffer | undefined {
    return this.#ascii;
  }

  get lineStart(): number {
    return this.#lineStart;
  }

  /** Bytes of memory for each character of the last line. */
  get charBytes(): 1 | 2 {
    return this.#charBytes;
  }

  /** Bytes of memory that are held for input that `next` has not returned yet. */
  get heldBytes(): number {
    const unread = this.#chunkIndex < this.#chunk.length || this.#textIndex < this.#text.length;
    return this.#carry.heldBytes + (unread ? this.#chunk.length + this.#text.length : 0);
  }

  /**
   * Lines that `next` has not begun, from `blockIndex` on: they are UTF-8, all end with LF, and none is too long. The same
   * Buffer until all of them are read. Undefined if the next line is not in such a block.
   */
  get block(): Buffer | undefined {
    if (this.#textIndex < this.#text.length || !this.#findBlock()) return undefined;
    return this.#block;
  }

  get blockIndex(): number {
    return this.#blockIndex;
  }

  /** The `lines` lines of the block up to `index` were read by another reader. `next` decodes those after them up to `decodeEnd` together. */
  skip(index: number, lines: number, decodeEnd: number): void {
    this.#chunkIndex += index - this.#blockIndex;
    this.#blockIndex = index;
    this.#lines += lines;
    this.#decodeEnd = decodeEnd;
  }

  /**
   * Takes one chunk, which must not change until `next` has returned undefined. Then its memory is freed, unless a line
   * refers to its bytes. Throws if lines of the chunk before are left.
   */
  push(chunk: Uint8Array): void {
    if (this.#ended) throw new Error('LineSplitter: push() after end(): the input is over');
    if (this.#chunkIndex < this.#chunk.length || this.#textIndex < this.#text.length) {
      throw new Error('LineSplitter: push() before next() gave undefined: lines of the last chunk would be lost');
    }
    this.#chunk = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#chunkInUse = false;
    this.#singleUntil = 0;
    this.#chunkIndex = this.#mark.settled ? 0 : this.#mark.skip(this.#chunk, (bytes) => this.#carry.append(bytes));
  }

  /** The input is over: the bytes after the last newline are a line as well. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#carry.append(this.#mark.unfinished());
  }

  /** The next line without its terminator; undefined if another chunk is needed, or after the last line. */
  next(): string | BadLine | undefined {
    for (;;) {
      const text = this.#text;
      while (this.#textIndex < text.length) {
        const start = this.#textIndex;
        let end = text.indexOf('\n', start);
        this.#textIndex = end + 1;
        this.#lines++;
        if (text.charCodeAt(end - 1) === CR) end--;
        if (text.charCodeAt(start) > SPACE || !isBlank(text.slice(start, end))) {
          this.#seq = this.#lines - 1;
          this.#lineStart = start;
          return text.slice(start, end);
        }
      }
      const line = this.#readOn();
      if (line === true) continue;
      if (line === false) return undefined;
      this.#seq = this.#lines - 1;
      return line;
    }
  }

  /** Returns one line; or true: `next` goes on with a new block or with the following line; or false: another chunk is needed. */
  #readOn(): string | BadLine | boolean {
    this.#text = '';
    this.#textIndex = 0;
    this.#ascii = undefined;
    if (this.#chunkIndex < this.#chunk.length) return this.#decodeBlock() || this.#readLine();
    // Borrowed (docs/dependencies.md): Node.js does not use a chunk of a body again.
    if (!this.#chunkInUse) freeMemory(this.#chunk);
    this.#chunk = nothing;
    this.#block = nothing;
    this.#chunkIndex = 0;
    return this.#ended && !this.#dropping && this.#carry.length > 0 ? this.#finishLine(nothing) : false;
  }

  /** Decodes the block, or the part of it that `skip` has named. */
  #decodeBlock(): boolean {
    if (!this.#findBlock()) return false;
    const from = this.#blockIndex;
    const end = this.#decodeEnd > from ? this.#decodeEnd : this.#block.length;
    const part = this.#block.subarray(from, end);
    const ascii = this.#blockIsAscii;
    this.#ascii = ascii ? part : undefined;
    this.#chunkInUse ||= ascii;
    this.#text = part.toString(ascii ? 'latin1' : 'utf8');
    this.#charBytes = ascii ? 1 : 2;
    this.skip(end, 0, 0);
    return true;
  }

  /** Finds as many whole lines as fit into a block, if the last one is read. No line in a block is too long, because no block is. */
  #findBlock(): boolean {
    if (this.#blockIndex < this.#block.length) return true;
    const from = this.#chunkIndex;
    if (this.#sequence !== undefined || this.#carry.length > 0 || this.#dropping || from < this.#singleUntil)
      return false;
    // The search goes back to the LF before `from` at most.
    const end = this.#chunk.lastIndexOf(LF, from + this.#blockBytes) + 1;
    if (end <= from) return false;
    const block = this.#chunk.subarray(from, end);
    this.#blockIsAscii = isAscii(block);
    if (!this.#blockIsAscii && !isUtf8(block)) {
      this.#singleUntil = end;
      return false;
    }
    this.#block = block;
    this.#blockIndex = 0;
    this.#decodeEnd = 0;
    return true;
  }

  /** Takes the available bytes of one line: the whole line, its end, or a part, which goes into the carry. Same results as `#readOn`. */
  #readLine(): string | BadLine | boolean {
    const chunk = this.#chunk;
    const start = this.#sequence === undefined ? this.#chunkIndex : this.#sequence.begin(chunk, this.#chunkIndex);
    const end = this.#sequence === undefined ? chunk.indexOf(LF, start) : this.#sequence.end(chunk, start);
    this.#chunkIndex = end === -1 ? chunk.length : end + 1;
    if (end === -1) return this.#keepPart(chunk.subarray(start));
    if (!this.#dropping) return this.#finishLine(chunk.subarray(start, end));
    this.#dropping = false;
    return true;
  }

  #keepPart(piece: Buffer): BadLine | boolean {
    if (this.#dropping) return true;
    if (this.#isTooLong(piece)) {
      this.#dropping = true;
      return this.#tooLong(piece);
    }
    this.#carry.append(piece);
    return true;
  }

  #finishLine(piece: Buffer): string | BadLine | boolean {
    if (this.#isTooLong(piece)) return this.#tooLong(piece);
    let line = piece;
    if (this.#carry.length > 0) {
      this.#carry.append(piece);
      line = this.#carry.view();
    }
    if (line.at(-1) === CR) line = line.subarray(0, -1);
    const result = this.#decode(line);
    if (this.#charBytes === 1 && this.#sequence === undefined && line.length <= maxBlockBytes) {
      // A copy: the carry is used again for the next line.
      this.#ascii = Buffer.from(line);
      this.#lineStart = 0;
    }
    this.#carry.clear();
    this.#lines++;
    return typeof result === 'string' && isBlank(result) ? true : result;
  }

  #decode(line: Buffer): string | BadLine {
    if (isAscii(line)) {
      this.#charBytes = 1;
      return line.toString('latin1');
    }
    this.#charBytes = 2;
    return isUtf8(line) ? line.toString('utf8') : invalidUtf8(line);
  }

  /** A CR at the end may be the first half of a terminator, so it is not counted. */
  #isTooLong(piece: Buffer): boolean {
    const bytes = this.#carry.length + piece.length;
    if (bytes <= this.#lineBytes) return false;
    const last = piece.length > 0 ? piece.at(-1) : this.#carry.view().at(-1);
    return bytes > this.#lineBytes + 1 || last !== CR;
  }

  #tooLong(piece: Buffer): BadLine {
    this.#carry.append(piece.subarray(0, excerptBytes + 1));
    const bad = lineTooLong(this.#carry.view(), this.#lineBytes);
    this.#carry.clear();
    this.#lines++;
    return bad;
  }
}

function isBlank(line: string): boolean {
  return /^[ \t\r\n]*$/.test(line);
}
