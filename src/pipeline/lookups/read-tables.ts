import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { connectorOf, type ConnectorChoice } from '../../connectors/registry.ts';
import type { Finding } from '../../core/finding.ts';
import type { LookupRuntime } from './lookups.ts';

/** Reports each lookup whose module is not there. No module is loaded, because that runs its code. */
export function missingModules(
  lookups: ReadonlyMap<string, ConnectorChoice | undefined>,
  baseDir: string,
): readonly Finding[] {
  return [...lookups].flatMap(([name, lookup]) => {
    if (lookup?.module === undefined) return [];
    const file = resolve(baseDir, lookup.module.file);
    if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) return [];
    const message = `there is no file ${file}; correct the path, which starts at the folder of the configuration`;
    return [{ path: ['lookups', name, 'module', 'file'], message }];
  });
}

/** Reads every table once, all at the same time, and closes it again. Returns what is wrong with each. */
export async function readTables(
  lookups: ReadonlyMap<string, ConnectorChoice | undefined>,
  runtime: LookupRuntime,
): Promise<readonly Finding[]> {
  const findings = [...lookups].map(async ([name, lookup]): Promise<readonly Finding[]> => {
    if (lookup?.table === undefined) return [];
    const { observer, logger } = runtime;
    const table = connectorOf({ table: lookup.table }).create({
      ...runtime,
      readsFreshness: false,
      lookup: name,
      observer: observer.lookup(name),
      metrics: observer.functionMetrics(name).group,
      logger: logger(name),
    });
    try {
      await table.open();
      return [];
    } catch (error) {
      return [{ path: ['lookups', name, 'table', 'file'], message: `the table cannot be read: ${reasonOf(error)}` }];
    } finally {
      await table.close();
    }
  });
  return (await Promise.all(findings)).flat();
}

/** The message without the names of the lookup and of the file: the place of the mistake has both. */
function reasonOf(error: unknown): string {
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return reason instanceof Error ? reason.message : String(reason);
}
