import { readFile } from 'node:fs/promises';
import { type Fingerprint, fingerprintOf } from '../../core/file-watch.ts';
import { laterTurn } from '../../core/time/later-turn.ts';
import type { TableIndex } from './table-index.ts';
import { buildIndex } from './table-index-builder.ts';
import { readerOf, type TableFormat } from './rows/reader-of.ts';

/** The bytes of a file, and the version of the file that they are from. */
export interface Content {
  readonly bytes: Buffer;
  readonly version: Fingerprint;
}

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
 * Reads the rows in pieces, with turns of the event loop between them. Rejects with an Error that names the place if the
 * content is invalid, and with the reason of the signal.
 */
export async function indexOf({ bytes }: Content, format: TableFormat, signal: AbortSignal): Promise<TableIndex> {
  const turn = async (): Promise<void> => {
    await laterTurn();
    signal.throwIfAborted();
  };
  return buildIndex(await readerOf(bytes, format, turn), turn);
}
