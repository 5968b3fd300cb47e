import { readFile } from 'node:fs/promises';
import { type Fingerprint, fingerprintOf } from '../../core/file-watch.ts';
import { laterTurn } from '../../core/time/later-turn.ts';
import { type TableIndex, TableIndexBuilder } from './table-index.ts';
import { rowsOf, type TableFormat } from './table-rows.ts';

/** The bytes of a file, and the version of the file that they are from. */
export interface Content {
  readonly bytes: Buffer;
  readonly version: Fingerprint;
}

/** Rows that are read in one turn of the event loop: lookups wait for some milliseconds. */
const rowsPerTurn = 250;
const mostReadings = 3;

/** Reads a file, and reads it again if it changed meanwhile: the bytes could be half old and half new. */
export async function contentOf(file: string, signal: AbortSignal): Promise<Content> {
  for (let readings = 1; ; readings++) {
    const version = fingerprintOf(file);
    const bytes = await readFile(file, { signal });
    if (fingerprintOf(file) === version) return { bytes, version };
    if (readings === mostReadings) {
      throw new Error('changes while it is read: write another file and rename it to this name');
    }
  }
}

/**
 * Collects the rows in pieces, with turns of the event loop between them. Rejects with an Error that names the place if
 * the content is invalid, and with the reason of the signal.
 */
export async function indexOf({ bytes }: Content, format: TableFormat, signal: AbortSignal): Promise<TableIndex> {
  const index = new TableIndexBuilder();
  for await (const row of rowsOf(bytes, format)) {
    index.add(row);
    if (index.size % rowsPerTurn === 0) {
      await laterTurn();
      signal.throwIfAborted();
    }
  }
  return index.build();
}
