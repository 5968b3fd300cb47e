import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { RecordError } from '../core/errors.ts';
import { Answer, type Arguments } from '../lookup/lookup.ts';
import { scalarText } from './argument.ts';
import type { Connector, ConnectorDefinition, ConnectorRuntime } from './connector.ts';
import { tableOptions, type TableOptions } from './table-options.ts';
import { readRows } from './table-rows.ts';

/**
 * Finds rows of a file that is held in memory; answers at once, with an answer that was made when the file was read.
 *
 * Two rows with one key are an error: which of them is meant is for their owner to say, and a join that silently
 * takes one of them is found out late.
 */
export const table: ConnectorDefinition<TableOptions> = {
  name: 'table',
  schema: tableOptions,
  parameters: (options) => [options.key],
  problems: () => [],
  files: ({ file }) => [file],
  // Whether a table follows its file is for its own options to say.
  watchesFiles: false,
  create: tableConnector,
};

const miss = new Answer(undefined);

function tableConnector(options: TableOptions, runtime: ConnectorRuntime): Connector {
  const { key } = options;
  const { lookup, observer, baseDir } = runtime;
  const file = resolve(baseDir, options.file);
  let answers: ReadonlyMap<string, Answer> | undefined;

  const keyOf = (args: Arguments): string => {
    try {
      return scalarText(key, args[key]);
    } catch (error) {
      throw RecordError.from(error).with({ lookup });
    }
  };
  return {
    call(args) {
      if (answers === undefined) throw new Error(`lookup "${lookup}" is not open`);
      const answer = answers.get(keyOf(args)) ?? miss;
      observer.called(answer === miss ? 'miss' : 'ok', 0);
      return answer;
    },
    describe: (args) => ({ file: options.file, key: { [key]: keyOf(args) } }),
    async reach() {
      const rows = answers?.size ?? 0;
      return `read ${options.file}: ${rows} row${rows === 1 ? '' : 's'}`;
    },
    async open() {
      try {
        answers = await readAnswers(file, key);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`lookup "${lookup}": table ${options.file}: ${why}`, { cause });
      }
    },
    async close() {
      answers = undefined;
    },
  };
}

async function readAnswers(file: string, key: string): Promise<ReadonlyMap<string, Answer>> {
  const answers = new Map<string, Answer>();
  const places = new Map<string, string>();
  for (const row of await readRows(extname(file).toLowerCase(), await readFile(file), key)) {
    const other = places.get(row.key);
    if (other !== undefined)
      throw new Error(`${row.place} has the key ${JSON.stringify(row.key)}, which ${other} has already`);
    places.set(row.key, row.place);
    answers.set(row.key, new Answer(row.json));
  }
  return answers;
}
