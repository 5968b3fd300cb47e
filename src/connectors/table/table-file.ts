import { readFile } from 'node:fs/promises';
import { type Fingerprint, fingerprintOf } from '../../core/file-watch.ts';
import { laterTurn } from '../../core/time/later-turn.ts';
import { type TableIndex, TableIndexBuilder } from './table-index.ts';
import { rowsOf, type TableFormat } from './table-rows.ts';

/** What a file held, as which version of it. */
export interface Content {
  readonly bytes: Buffer;
  readonly version: Fingerprint;
}

/** Rows that are read between two turns of the event loop: some milliseconds of the time of those who look up. */
const rowsPerTurn = 250;
const mostReadings = 3;

/** Reads a file; once more where it changed meanwhile, which could give half of the old and half of the new. */
export async function contentOf(file: string, signal: AbortSignal): Promise<Content> {
  for (let readings = 1; ; readings++) {
    const version = fingerprintOf(file);
    const bytes = await readFile(file, { signal });
    if (fingerprintOf(file) === version) return { bytes, version };
    if (readings === mostReadings) {
      throw new Error('is being written to: write another file, and rename it into its place');
    }
  }
}

/**
 * Takes its time: others run between one piece and the next. Rejects with an Error that names the place, where the
 * content is not what was promised, and with the reason of the signal.
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
