import { jsonScanWasm } from './json-scan-wasm.ts';

/**
 * The memory in which `src/wire/assembly` reads and writes, and its functions. A process has one. No result stays in it
 * after a call of `jsonKind`, of `MemberScan.read` or of `LineAdder.add`, except the texts that `kept-texts` keeps.
 *
 *   TABLE              BLOCK                       TEXT                   LINES              OUTPUT
 *   [ table of names ][ part of a block | zeros ][ a text, 0 | zeros ][ a block | zeros ][ lines with additions | zeros ]
 *   RUN                                  SLOTS       ENTRIES
 *   [ what to add | zeros ]             [ slots ]   [ kept texts | zeros ]
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
  /** What `jsonKind` returns for the bytes from `from` up to `end`; a 0 stands at `end`. */
  readonly jsonKind: (from: number, end: number) => number;
  /** Adds texts to lines, until one of the reasons stops it. The row of numbers at `run` has the orders and the results. */
  readonly addToLines: (run: number) => number;
  /** Keeps the text of a key for `addToLines`. */
  readonly keep: (
    slots: number,
    entry: number,
    column: number,
    key: number,
    keyBytes: number,
    textBytes: number,
    isMiss: number,
  ) => void;
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
/** A block whose lines get additions. */
export const LINES: number = TEXT + textBytes + pageBytes;
/** Room for the longest line with its additions behind as much output as is written together. */
export const OUTPUT: number = LINES + blockBytes + pageBytes;
export const outputBytes: number = 256 * 1024;
export const RUN: number = OUTPUT + outputBytes + pageBytes;
export const runBytes: number = pageBytes;
/** As many as `src/wire/assembly/line-additions.ts` has, of 4 bytes each. */
export const SLOTS: number = RUN + runBytes + pageBytes;
export const slotsBytes: number = 4 * 128 * 1024;
export const ENTRIES: number = SLOTS + slotsBytes;
export const entriesBytes: number = 15 * 1024 * 1024;

const compiled = new WebAssembly.Module(Buffer.from(jsonScanWasm, 'base64'));
const { memory, scan, addToLines, keep, jsonKind: kindAt } = new WebAssembly.Instance(compiled).exports;
memory.grow((ENTRIES + entriesBytes + pageBytes - memory.buffer.byteLength) / pageBytes);

export { addToLines, keep, scan };
export const memoryBytes: Buffer = Buffer.from(memory.buffer);
export const memoryWords: Int32Array = new Int32Array(memory.buffer);

/** Bits of `jsonKind`. No byte of the text is above 0x7f. */
export const ASCII_TEXT = 2;
/** There is no white space around the value, and no line break between its tokens. */
export const ONE_LINE = 4;

/**
 * Not 0 if the bytes from `start` up to `end` are one JSON value, with white space around it at the most; then the bits say
 * more, if it is known. May be 0 for valid JSON that is nested deeper than 64 levels or longer than a mebibyte: then the
 * caller parses. Does not check whether the bytes are UTF-8.
 */
export function jsonKind(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  if (length >= textBytes) return 0;
  bytes.copy(memoryBytes, TEXT, start, end);
  memoryBytes[TEXT + length] = 0;
  return kindAt(TEXT, TEXT + length);
}
