import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { connectorOf, type ConnectorChoice } from '../../connectors/registry.ts';
import type { Finding } from '../../core/finding.ts';
import type { LookupRuntime } from './lookups.ts';

type Choices = ReadonlyMap<string, ConnectorChoice | undefined>;

/** Reports each lookup whose module is not there. No module is loaded, because that runs its code. */
export function missingModules(lookups: Choices, baseDir: string): readonly Finding[] {
  return [...lookups].flatMap(([name, lookup]) => {
    if (lookup?.module === undefined) return [];
    const file = resolve(baseDir, lookup.module.file);
    if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) return [];
    const message = `there is no file ${file}; correct the path, which starts at the folder of the configuration`;
    return [{ path: ['lookups', name, 'module', 'file'], message }];
  });
}

/** Whether the connector reads files that are no code when it opens, and does nothing else: a table, or TLS files. */
function readsFiles(lookup: ConnectorChoice | undefined): boolean {
  return lookup?.table !== undefined || Object.values(lookup?.http?.tls ?? {}).some((file) => file !== null);
}

/** Whether `missingModules` or `readFiles` has anything to do. */
export function hasFiles(lookups: Choices): boolean {
  return [...lookups.values()].some((lookup) => lookup?.module !== undefined || readsFiles(lookup));
}

/** Reads the tables and TLS files of all lookups once, all at the same time. Returns what is wrong with each. */
export async function readFiles(lookups: Choices, runtime: LookupRuntime): Promise<readonly Finding[]> {
  const findings = [...lookups].map(async ([name, lookup]): Promise<readonly Finding[]> => {
    if (lookup === undefined || !readsFiles(lookup)) return [];
    const { observer, logger } = runtime;
    const connector = connectorOf({ table: lookup.table, http: lookup.http }).create({
      ...runtime,
      readsFreshness: false,
      lookup: name,
      observer: observer.lookup(name),
      metrics: observer.functionMetrics(name).group,
      logger: logger(name),
    });
    try {
      await connector.open();
      return [];
    } catch (error) {
      return lookup.table === undefined
        ? [{ path: ['lookups', name, 'http', 'tls'], message: messageOf(error).replace(`lookup "${name}": `, '') }]
        : [{ path: ['lookups', name, 'table', 'file'], message: `the table cannot be read: ${reasonOf(error)}` }];
    } finally {
      await connector.close();
    }
  });
  return (await Promise.all(findings)).flat();
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The message without the names of the lookup and of the file: the place of the mistake has both. */
function reasonOf(error: unknown): string {
  return messageOf(error instanceof Error && error.cause instanceof Error ? error.cause : error);
}
