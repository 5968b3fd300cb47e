import { accessSync, constants, createReadStream, type Stats, statSync } from 'node:fs';
import { fileReason } from '../../file-reason.ts';
import { type Lines, lineEnd, lineStarts } from '../lines/block.ts';
import { LineReader, type LineReaderOptions } from './line-reader.ts';
import { type Compression, compressionOf, decoded } from './decoded.ts';

/** An input ends before it is read completely. The lines before that are enriched. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** One file of the input, or standard input. */
export class InputFile {
  readonly name: string;
  readonly stats: Stats | undefined;
  readonly compression: Compression | undefined;
  /** Bytes of the file that were read, compressed as they are. */
  readBytes = 0;
  readonly #index: number;
  readonly #stdin: NodeJS.ReadableStream | undefined;

  /** `stdin` is read instead of a file. Throws Error if the file cannot be read. */
  constructor(name: string, index: number, stdin: NodeJS.ReadableStream | undefined) {
    this.name = stdin === undefined ? name : 'standard input';
    this.#index = index;
    this.#stdin = stdin;
    if (stdin !== undefined) return;
    this.compression = compressionOf(name);
    try {
      this.stats = statSync(name);
      accessSync(name, constants.R_OK);
    } catch (error) {
      throw new Error(`--in ${name} cannot be read: ${fileReason(error, 'read')}`, { cause: error });
    }
    if (this.stats.isDirectory()) throw new Error(`--in ${name} is a folder; name its files`);
  }

  /** Whether it can be read again, from any place. */
  get isRegular(): boolean {
    return this.stats?.isFile() === true;
  }

  /** Bytes of the file; undefined if they are not known. */
  get size(): number | undefined {
    return this.isRegular ? this.stats?.size : undefined;
  }

  /**
   * Whole lines, from a byte of the decoded input on. Throws InputError, after the whole lines before the fault, if the
   * input cannot be read to its end.
   */
  async *lines(from: number, options: LineReaderOptions): AsyncGenerator<Lines> {
    const reader = new LineReader(this.#index, from, options);
    try {
      for await (const chunk of this.#bytes(from)) yield* reader.push(chunk);
    } catch (error) {
      throw this.#failed(error, reader.end);
    }
    const last = reader.finish();
    if (last !== undefined) yield last;
  }

  /** The lines that begin at these bytes of the decoded input, in ascending order, each with its LF. */
  async linesAt(offsets: readonly number[], options: LineReaderOptions): Promise<readonly Buffer[]> {
    const found: Buffer[] = [];
    // A compressed file has no places that can be found without what is before them: it is read once, from its start.
    const passes = this.compression === undefined ? offsets.map((offset) => [offset]) : [offsets];
    for (const pass of passes) {
      const wanted = new Set(pass);
      const from = this.compression === undefined ? (pass[0] ?? 0) : 0;
      for await (const { bytes, offset } of this.lines(from, options)) {
        const starts = lineStarts(bytes);
        for (const [index, start] of starts.entries()) {
          if (wanted.delete(offset + start))
            found.push(Buffer.from(bytes.subarray(start, lineEnd({ bytes, starts }, index))));
        }
        if (wanted.size === 0) break;
      }
    }
    if (found.length === offsets.length) return found;
    throw new InputError(`${this.name} does not have the lines that the state names`);
  }

  /** The decoded bytes from `from` on. */
  async *#bytes(from: number): AsyncGenerator<Buffer> {
    if (this.compression === undefined) {
      if (from > (this.size ?? Infinity)) throw new Error(endsBefore(from));
      this.readBytes = from;
      yield* this.#raw(from);
      return;
    }
    let skip = from;
    for await (const bytes of decoded(this.#raw(0), this.compression)) {
      if (skip >= bytes.length) skip -= bytes.length;
      else {
        yield skip === 0 ? bytes : bytes.subarray(skip);
        skip = 0;
      }
    }
    if (skip > 0) throw new Error(endsBefore(from));
  }

  async *#raw(start: number): AsyncGenerator<Buffer> {
    const stream = this.#stdin ?? createReadStream(this.name, { start });
    for await (const chunk of stream) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      this.readBytes += bytes.length;
      yield bytes;
    }
  }

  #failed(error: unknown, decodedBytes: number): InputError {
    const size = this.size === undefined ? '' : ` of ${this.size}`;
    const read = `${this.readBytes}${size} bytes were read`;
    const text = this.compression === undefined ? read : `${read} (${decodedBytes} after decompression)`;
    return new InputError(`${this.name}: ${this.#reason(error)}; ${text}`, { cause: error });
  }

  #reason(error: unknown): string {
    const message = fileReason(error, 'read');
    if (this.compression === undefined || !(error instanceof Error) || !('code' in error)) return message;
    if (error.code === 'Z_BUF_ERROR') return `the ${this.compression} data ends early: ${message}`;
    return String(error.code).startsWith('Z') ? `the ${this.compression} data is broken: ${message}` : message;
  }
}

const endsBefore = (from: number): string => `it ends before byte ${from}, from which the state goes on`;
