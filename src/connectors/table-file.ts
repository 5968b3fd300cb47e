import { open, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { Answer } from '../lookup/lookup.ts';
import { rowsOf } from './table-rows.ts';

/** The rows of a table by the text of their key, each as the answer that it is. */
export type Answers = ReadonlyMap<string, Answer>;

/** What a file held, and a text that is another one as soon as the file is. */
export interface Content {
  readonly bytes: Buffer;
  readonly state: string;
}

/** Rows that are read between two turns of the event loop: some milliseconds of the time of those who look up. */
const rowsPerTurn = 250;
const mostReadings = 3;

/**
 * Which file a name leads to, and as which it was left: changes with a write, and with a rename or a symbolic link that
 * puts another file in its place.
 */
export async function stateOf(file: string): Promise<string> {
  return stateText(await stat(file, { bigint: true }));
}

/** Reads a file; once more where it was written to meanwhile, which would give half of the old and half of the new. */
export async function contentOf(file: string, signal: AbortSignal): Promise<Content> {
  for (let readings = 1; ; readings++) {
    const handle = await open(file);
    try {
      const before = stateText(await handle.stat({ bigint: true }));
      const bytes = await handle.readFile({ signal });
      const state = stateText(await handle.stat({ bigint: true }));
      if (state === before) return { bytes, state };
    } finally {
      await handle.close();
    }
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

interface Told {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

function stateText({ dev, ino, size, mtimeNs, ctimeNs }: Told): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}
