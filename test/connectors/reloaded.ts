import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { Cancellation } from '../../src/core/call/cancellation.ts';
import { virtualClock, type VirtualClock } from '../../src/core/time/virtual-clock.ts';
import type { Connector } from '../../src/connectors/connector.ts';
import { table } from '../../src/connectors/table/table.ts';
import { tableOptions } from '../../src/connectors/table/table-options.ts';
import type { Answer, Argument } from '../../src/lookup/lookup.ts';
import { Heard, runtimeFor } from './http/far-end.ts';

export interface OpenTable {
  readonly folder: string;
  readonly clock: VirtualClock;
  readonly connector: Connector;
  readonly heard: Heard;
  /** The lines of the log, as `level message`. */
  readonly said: readonly string[];
  find(key: Argument): Answer;
  /** Writes a new file and renames it into the place of another. */
  replace(content: string, file?: string): Promise<void>;
  /** Advances the clock to the next check of the file, and waits for its end. */
  beat(ms: number): Promise<void>;
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-table-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** A table on a virtual clock, of a real file with this content, or of a folder that a function fills. */
export async function openTable(
  content: string | ((folder: string) => Promise<void>),
  reload: object,
  given: object = {},
): Promise<OpenTable> {
  const options = tableOptions.parse({ file: 'rows.ndjson', key: 'id', reload, ...given });
  const folder = await temporaryFolder();
  const clock = virtualClock();
  const heard = new Heard();
  const said: string[] = [];
  const hear = (level: string) => (message: string) => void said.push(`${level} ${message}`);
  const logger = { debug: hear('debug'), info: hear('info'), warn: hear('warn'), error: hear('error') };
  if (typeof content === 'string') await writeFile(join(folder, options.file), content);
  else await content(folder);
  const connector = table.create(options, { ...runtimeFor(heard, folder), clock, logger });
  await connector.open();
  onTestFinished(() => connector.close());
  return {
    folder,
    clock,
    connector,
    heard,
    said,
    find(key) {
      const answer = connector.call({ id: key }, new Cancellation());
      if (answer instanceof Promise) throw new Error('a table answers at once');
      return answer;
    },
    async replace(next, file = options.file) {
      await writeFile(join(folder, `${file}.new`), next);
      await rename(join(folder, `${file}.new`), join(folder, file));
    },
    async beat(ms) {
      await clock.advance(ms);
      while (clock.timers === 0) await turn();
    },
  };
}

/** NDJSON of rows with these ids and names. */
export const rows = (names: Readonly<Record<string, string>>): string =>
  Object.entries(names)
    .map(([id, name]) => `{"id":${id},"name":"${name}"}\n`)
    .join('');
