import { jsonScanWasm } from './json-scan-wasm.ts';

/**
 * The memory in which `src/wire/assembly/json-scan.ts` reads, and its functions. A process has one; no result stays in it
 * after a call of `isJson` or of `MemberScan.read`.
 *
 *   TABLE              BLOCK                       TEXT
 *   [ table of names ][ part of a block | zeros ][ a text, 0 | zeros ]
 *
 * A 0 follows the bytes that are read. Reading stops there, except for the few bytes that one instruction loads together.
 */

/** The members of WebAssembly that are used here; Node's types do not describe them. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: JsonScanExports };
};

interface JsonScanExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** 1 if the bytes from `from` up to `end` are an object; writes the spans of its members into the table at `table`. */
  readonly scan: (from: number, end: number, table: number) => number;
  /** 1 if the bytes from `from` up to `end` are JSON; a 0 stands at `end`. */
  readonly isJson: (from: number, end: number) => number;
}

const pageBytes = 64 * 1024;

/** Rows of 16 bytes: see the source. */
export const TABLE = 0;
export const tableBytes: number = pageBytes;
/** As many bytes as a LineSplitter decodes together; the page behind them is never written to. */
export const BLOCK: number = TABLE + tableBytes;
export const blockBytes: number = 64 * 1024;
/** A longer text is rare, and is parsed instead. Pages that are never written to take no memory. */
const TEXT: number = BLOCK + blockBytes + pageBytes;
const textBytes: number = 1024 * 1024;

const compiled = new WebAssembly.Module(Buffer.from(jsonScanWasm, 'base64'));
const { memory, scan, isJson: isJsonAt } = new WebAssembly.Instance(compiled).exports;
memory.grow((TEXT + textBytes + pageBytes - memory.buffer.byteLength) / pageBytes);

export { scan };
export const memoryBytes: Buffer = Buffer.from(memory.buffer);
export const memoryWords: Int32Array = new Int32Array(memory.buffer);

/**
 * Whether the bytes are one JSON value, with white space around it at the most. May be false for valid JSON that is nested
 * deeper than 64 levels or longer than a mebibyte: then the caller parses. Does not check whether the bytes are UTF-8.
 */
export function isJson(bytes: Buffer): boolean {
  const { length } = bytes;
  if (length >= textBytes) return false;
  bytes.copy(memoryBytes, TEXT);
  memoryBytes[TEXT + length] = 0;
  return isJsonAt(TEXT, TEXT + length) === 1;
}
