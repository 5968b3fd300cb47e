import { resolve } from 'node:path';
import { RecordError } from '../../core/errors.ts';
import { isNumberSource } from '../../core/json/json-number.ts';
import { Answer, type Argument, type Arguments, RawJson, type Reply } from '../../lookup/lookup.ts';
import { scalarText } from '../template/argument.ts';
import type { Connector, ConnectorDefinition, ConnectorRuntime } from '../connector.ts';
import { TableContent } from './table-content.ts';
import { tableOptions, type TableOptions } from './table-options.ts';

/**
 * Finds rows of a file that is held in memory. It answers at once, also while the file is read again.
 *
 *     file ──▶ RowReader: CSV, JSON, NDJSON ──▶ KeyIndex ──▶ TableIndex ──▶ Answer        kept in HotAnswers
 *              rows by their start in the bytes  key ▶ start  key ▶ answer
 *
 * Two rows with one key are an error: only their owner knows which one is right, and a join that silently takes one of
 * them is noticed late.
 */
export const table: ConnectorDefinition<TableOptions> = {
  name: 'table',
  tellsFreshness: false,
  schema: tableOptions,
  parameters: (options) => [options.key],
  findings: () => [],
  // A table with `reload` reads its file again by itself, so a changed file is no reason to open it again.
  files: ({ file, reload }) => (reload === undefined ? [file] : []),
  // The option `reload` of the table decides whether it follows its file.
  watchesFiles: false,
  create: tableConnector,
};

const miss = new Answer(undefined);

function isNumber(argument: Argument | undefined): boolean {
  if (typeof argument === 'string') return false;
  return typeof argument === 'number' || (argument instanceof RawJson && isNumberSource(argument.source));
}

function replyOf(call: (args: Arguments) => Answer, args: Arguments): Reply<Answer> {
  try {
    return call(args);
  } catch (error) {
    return RecordError.from(error);
  }
}

function tableConnector({ file, key, delimiter, reload }: TableOptions, runtime: ConnectorRuntime): Connector {
  const { lookup, observer, baseDir } = runtime;
  const content = new TableContent({ file: resolve(baseDir, file), name: file, key, delimiter, reload }, runtime);
  let unobserved: (() => void) | undefined;

  const keyOf = (argument: Argument | undefined): string => {
    if (typeof argument === 'string') return argument;
    try {
      return scalarText(key, argument);
    } catch (error) {
      throw RecordError.from(error).with({ lookup });
    }
  };
  const find = (argument: Argument | undefined): Answer => {
    const { rows } = content;
    if (rows === undefined) throw new Error(`lookup "${lookup}" is not open`);
    const found =
      typeof argument === 'string' ? rows.find(argument, false) : rows.find(keyOf(argument), isNumber(argument));
    return found ?? miss;
  };
  const call = (args: Arguments): Answer => {
    const answer = find(args[key]);
    observer.called(answer === miss ? 'miss' : 'ok', 0);
    return answer;
  };
  return {
    immediate: true,
    runsUserCode: false,
    largestAnswerBytes: 0,
    call,
    callMany: (requests) => requests.map((args) => replyOf(call, args)),
    keepable: {
      get version() {
        return content.version;
      },
      find,
      answered(requests, misses) {
        if (requests > misses) observer.called('ok', 0, requests - misses);
        if (misses > 0) observer.called('miss', 0, misses);
      },
    },
    describe: (args) => ({ file, key: { [key]: keyOf(args[key]) } }),
    async reach() {
      const rows = content.rows?.size ?? 0;
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
