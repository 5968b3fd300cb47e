import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { type Fingerprint, fingerprintOf } from '../core/file-watch.ts';
import { Answer } from '../lookup/lookup.ts';
import { rowsOf } from './table-rows.ts';

/** The rows of a table by the text of their key, each as the answer that it is. */
export type Answers = ReadonlyMap<string, Answer>;

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
export async function answersOf(file: string, { bytes }: Content, key: string, signal: AbortSignal): Promise<Answers> {
  const answers = new Map<string, Answer>();
  const places = new Map<string, string>();
  for await (const row of rowsOf(extname(file).toLowerCase(), bytes, key)) {
    const other = places.get(row.key);
    if (other !== undefined)
      throw new Error(`${row.place} has the key ${JSON.stringify(row.key)}, which ${other} has already`);
    places.set(row.key, row.place);
    answers.set(row.key, new Answer(row.json));
    if (answers.size % rowsPerTurn === 0) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      signal.throwIfAborted();
    }
  }
  return answers;
}
