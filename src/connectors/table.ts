import { resolve } from 'node:path';
import { RecordError } from '../core/errors.ts';
import { Answer, type Arguments } from '../lookup/lookup.ts';
import { scalarText } from './argument.ts';
import type { Connector, ConnectorDefinition, ConnectorRuntime } from './connector.ts';
import { TableContent } from './table-content.ts';
import { tableOptions, type TableOptions } from './table-options.ts';

/**
 * Finds rows of a file that is held in memory; answers at once, with an answer that was made when the file was read,
 * also while it is read again.
 *
 * Two rows with one key are an error: which of them is meant is for their owner to say, and a join that silently
 * takes one of them is found out late.
 */
export const table: ConnectorDefinition<TableOptions> = {
  name: 'table',
  schema: tableOptions,
  parameters: (options) => [options.key],
  problems: () => [],
  // A table that is read again by itself stays open, whatever becomes of its file.
  files: ({ file, reload }) => (reload === undefined ? [file] : []),
  // Whether a table follows its file is for its own options to say.
  watchesFiles: false,
  create: tableConnector,
};

const miss = new Answer(undefined);

function tableConnector({ file, key, reload }: TableOptions, runtime: ConnectorRuntime): Connector {
  const { lookup, observer, baseDir } = runtime;
  const content = new TableContent({ file: resolve(baseDir, file), name: file, key, reload }, runtime);
  let unobserved: (() => void) | undefined;

  const keyOf = (args: Arguments): string => {
    try {
      return scalarText(key, args[key]);
    } catch (error) {
      throw RecordError.from(error).with({ lookup });
    }
  };
  return {
    immediate: true,
    call(args) {
      const { answers } = content;
      if (answers === undefined) throw new Error(`lookup "${lookup}" is not open`);
      const answer = answers.get(keyOf(args)) ?? miss;
      observer.called(answer === miss ? 'miss' : 'ok', 0);
      return answer;
    },
    describe: (args) => ({ file, key: { [key]: keyOf(args) } }),
    async reach() {
      const rows = content.answers?.size ?? 0;
      return `read ${file}: ${rows} row${rows === 1 ? '' : 's'}`;
    },
    async open() {
      try {
        await content.open();
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`lookup "${lookup}": table ${file}: ${why}`, { cause });
      }
      unobserved = observer.table(() => content.counts);
    },
    async close() {
      unobserved?.();
      await content.close();
    },
  };
}
