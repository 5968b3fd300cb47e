const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;

const afterClosingQuote = 'instead of delimiter, record delimiter, trimable character (if activated) or comment';

/**
 * Finds the rows of a CSV file (RFC 4180) and their cells in its bytes. Nothing is copied.
 *
 *     id,name␍␊1,"a ""b"""␊        row from 9 to 20, cells from 9 to 10 and from 11 to 20: quotes belong to the cell
 *              ↑ start
 *
 * LF, CR LF and CR each end a row outside quotes, also mixed in one file; empty lines are skipped. The results and the
 * messages are those of csv-parse, which a test compares. So is the one cell that goes on after its closing quote: after a
 * NUL. Lines are counted as csv-parse does: a row has the line of its end, and CR LF in quotes counts as two.
 */
export class CsvScan {
  readonly bytes: Buffer;
  /** The line of the last row. */
  line = 1;
  /** Where the last row starts; -1 before the first. */
  start = -1;
  /** Number of cells of the last row. */
  cells = 0;
  /** The start and the end of each cell of the last row; behind them, what a longer row has left. */
  readonly bounds: number[] = [];
  readonly #delimiter: Buffer;
  /** By byte: 1 for the bytes that do not simply continue a cell outside quotes. */
  readonly #special = new Uint8Array(256);
  #at = 0;
  /** Where the cell starts that is being read. */
  #cell = 0;
  #inRow = false;
  #inQuotes = false;
  /** Number of cells of the first row, which every row must have. */
  #columns = 0;

  constructor(bytes: Buffer, delimiter: string) {
    this.bytes = bytes;
    this.#delimiter = Buffer.from(delimiter);
    for (const byte of [LF, CR, QUOTE, this.#delimiter[0] as number]) this.#special[byte] = 1;
  }

  /** Whether all rows are read. */
  get done(): boolean {
    return !this.#inRow && this.#at >= this.bytes.length;
  }

  /** The next row is the one that starts there; 0 is the first of the file. */
  seek(start: number): void {
    this.#at = start;
    this.#inRow = false;
    this.#inQuotes = false;
    this.line = 1;
  }

  /** As `RowReader.next`. */
  next(limit: number): boolean {
    const { length } = this.bytes;
    const stop = limit < length ? limit : length;
    if (!this.#inRow && !this.#begin(stop)) return false;
    while (this.#at < stop) {
      if (this.#inQuotes) this.#readQuoted(stop);
      else if (this.#readPlain(stop)) return true;
    }
    if (this.#at < length) return false;
    if (this.#inQuotes) throw this.#unclosed();
    this.#endCell(length);
    return this.#endRow();
  }

  /** The text of a cell of the last row, without its quotes. */
  text(index: number): string {
    return this.#textOf(this.bounds[2 * index] as number, this.bounds[2 * index + 1] as number);
  }

  /** The texts of all cells of the last row. */
  texts(): string[] {
    const { bytes, bounds, start, cells } = this;
    const end = bounds[2 * cells - 1] as number;
    const source = bytes.toString('utf8', start, end);
    // A text that has as many characters as bytes is ASCII.
    const isAscii = source.length === end - start;
    const texts: string[] = [];
    for (let index = 0; index < cells; index++) {
      const from = bounds[2 * index] as number;
      const isSlice = isAscii && bytes[from] !== QUOTE;
      texts.push(isSlice ? source.slice(from - start, (bounds[2 * index + 1] as number) - start) : this.text(index));
    }
    return texts;
  }

  /** Skips line breaks. Returns whether a row starts before `stop`. */
  #begin(stop: number): boolean {
    const { bytes } = this;
    let at = this.#at;
    for (; at < stop; at++) {
      const byte = bytes[at];
      if (byte === CR && bytes[at + 1] === LF) at++;
      else if (byte !== CR && byte !== LF) break;
      this.line++;
    }
    this.#at = at;
    this.#inRow = at < stop;
    this.start = at;
    this.#cell = at;
    this.cells = 0;
    return this.#inRow;
  }

  /** Reads on outside quotes, to the end of the cell at most. Returns whether it ends the row. */
  #readPlain(stop: number): boolean {
    const { bytes } = this;
    const special = this.#special;
    let at = this.#at;
    while (at < stop && special[bytes[at] as number] === 0) at++;
    this.#at = at;
    if (at >= stop) return false;
    const byte = bytes[at];
    if (byte === LF || byte === CR) {
      this.#endCell(at);
      return this.#endRow();
    }
    if (byte === QUOTE) {
      if (at !== this.#cell) throw this.#openedLate(at);
      this.#inQuotes = true;
      this.#at++;
    } else if (this.#isDelimiter(at)) {
      this.#endCell(at);
      this.#cell = at + this.#delimiter.length;
      this.#at = this.#cell;
    } else this.#at++;
    return false;
  }

  /** Reads on inside quotes, to the closing quote at most. */
  #readQuoted(stop: number): void {
    const { bytes } = this;
    let at = this.#at;
    for (; at < stop; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) break;
      if (byte === LF || byte === CR) this.line++;
    }
    this.#at = at;
    if (at >= stop) return;
    const next = bytes[at + 1];
    if (next === QUOTE) {
      this.#at = at + 2;
      return;
    }
    const ends = next === undefined || next === LF || next === CR || next === NUL || this.#isDelimiter(at + 1);
    if (!ends)
      throw this.#error(
        `Invalid Closing Quote: got "${String.fromCharCode(next)}" at line ${this.line} ${afterClosingQuote}`,
      );
    this.#inQuotes = false;
    this.#at = at + 1;
  }

  #isDelimiter(at: number): boolean {
    const delimiter = this.#delimiter;
    for (let index = 0; index < delimiter.length; index++) {
      if (this.bytes[at + index] !== delimiter[index]) return false;
    }
    return true;
  }

  #endCell(end: number): void {
    this.bounds[2 * this.cells] = this.#cell;
    this.bounds[2 * this.cells + 1] = end;
    this.cells++;
  }

  #endRow(): true {
    if (this.#columns === 0) this.#columns = this.cells;
    if (this.cells !== this.#columns) {
      throw this.#error(`Invalid Record Length: expect ${this.#columns}, got ${this.cells} on line ${this.line}`);
    }
    this.#inRow = false;
    return true;
  }

  #textOf(start: number, end: number): string {
    const source = this.bytes.toString('utf8', start, end);
    if (this.bytes[start] !== QUOTE) return source;
    const close = source.lastIndexOf('"');
    return source.slice(1, close).replaceAll('""', '"') + source.slice(close + 1);
  }

  #openedLate(at: number): Error {
    const value = this.#textOf(this.#cell, at);
    const mark = value === '\uFEFF' ? ' (utf8 bom)' : '';
    const place = `on field ${this.cells} at line ${this.line}`;
    return this.#error(`Invalid Opening Quote: a quote is found ${place}, value is ${JSON.stringify(value)}${mark}`);
  }

  #unclosed(): Error {
    // A line break at the end of the file begins no line.
    const last = this.bytes.at(-1);
    if (last === LF || last === CR) this.line--;
    return this.#error(`Quote Not Closed: the parsing is finished with an opening quote at line ${this.line}`);
  }

  #error(message: string): Error {
    return new Error(`line ${this.line}: ${message}`);
  }
}
