import { fieldScanWasm } from './field-scan-wasm.ts';

/** The members of WebAssembly that are used here; Node's types do not describe them. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: FieldScanExports };
};

interface FieldScanExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly readFields: (from: number, rows: number, lengths: number) => number;
}

/**
 * The memory of `assembly/field-scan.ts`, which finds the fields of a head. A process has one.
 *
 *     [ bytes of a head, 0 | zeros ][ number of rows, last line ][ a row of four numbers for each field ]
 */
const windowBytes = 2048;
/** `a:`, CR and LF. */
const shortestLineBytes = 4;
const ROWS = 2 * windowBytes;
const bytesPerNumber = 4;
const numbersPerRow = 4;

const module = new WebAssembly.Module(Buffer.from(fieldScanWasm, 'base64'));
const { memory, readFields } = new WebAssembly.Instance(module).exports;
// All rows of a window of the shortest lines fit into one page.
memory.grow(1);
const windowed = Buffer.from(memory.buffer);
const numbers = new Int32Array(memory.buffer);

/**
 * Reads usual lines from `start` on, and returns how many bytes they have together: 0 if the first line is unusual, or if
 * its end has not come. `fieldsFound` and `placeOf` have their fields until the next call. `lengths`: bit n is set if a
 * field whose name has n bytes may be wanted.
 */
export function scanFields(bytes: Buffer, start: number, end: number, lengths: number): number {
  const length = Math.min(end - start, windowBytes);
  if (length < shortestLineBytes) return 0;
  bytes.copy(windowed, 0, start, start + length);
  windowed[length] = 0;
  return readFields(0, ROWS, lengths);
}

export function fieldsFound(): number {
  return numbers[ROWS / bytesPerNumber] as number;
}

/** The place of the last usual line. */
export function lastLine(): number {
  return numbers[ROWS / bytesPerNumber + 1] as number;
}

export const NAME_START = 0;
export const NAME_END = 1;
export const VALUE_START = 2;
export const VALUE_END = 3;

/** A place in the line of a field, counted from `start`. The value has no spaces around it. */
export function placeOf(field: number, what: number): number {
  return numbers[ROWS / bytesPerNumber + (field + 1) * numbersPerRow + what] as number;
}
