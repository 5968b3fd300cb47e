import { jsonScanWasm } from './json-scan-wasm.ts';

/**
 * The memory in which `src/wire/assembly/json-scan.ts` reads, and its functions. There is one of it in a process: each call is
 * over, and its result taken, before another one begins.
 *
 *   TABLE              BLOCK                       TEXT
 *   [ table of names ][ part of a block | zeros ][ a text, 0 | zeros ]
 *
 * A 0 follows what is read, so that nothing goes past it but for the few bytes that are looked at together.
 */

/** What is used of WebAssembly, which Node's types do not describe. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: JsonScanExports };
};

interface JsonScanExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** 1 where the bytes from `from` up to `end` are an object; the spans of its members are in the table at `table`. */
  readonly scan: (from: number, end: number, table: number) => number;
  /** 1 where the bytes from `from` up to `end`, where a 0 stands, are JSON. */
  readonly isJson: (from: number, end: number) => number;
}

const pageBytes = 64 * 1024;

/** Rows of 16 bytes: see the source. */
export const TABLE = 0;
export const tableBytes: number = pageBytes;
/** As much as a LineSplitter decodes at once; the page behind it is never written to. */
export const BLOCK: number = TABLE + tableBytes;
export const blockBytes: number = 64 * 1024;
/** What is longer is rare, and a parser's work. Pages that are never written to take no memory. */
export const TEXT: number = BLOCK + blockBytes + pageBytes;
export const textBytes: number = 1024 * 1024;

const compiled = new WebAssembly.Module(Buffer.from(jsonScanWasm, 'base64'));
const { memory, scan, isJson } = new WebAssembly.Instance(compiled).exports;
memory.grow((TEXT + textBytes + pageBytes - memory.buffer.byteLength) / pageBytes);

export { isJson, scan };
export const memoryBytes: Buffer = Buffer.from(memory.buffer);
export const memoryWords: Int32Array = new Int32Array(memory.buffer);
