import { defaultDelimiter } from '../connectors/table/table-options.ts';
import { isDataObject, type JsonData, type JsonDataObject } from '../core/json/json-data.ts';
import { redact } from './redact.ts';
import { configSchema } from './schema/schema.ts';
import { withDefaults } from './schema/schema-walk.ts';

/** A configuration as its author could have written it in full: every default, no unit changed, secrets hidden. */
export type EffectiveConfig = JsonDataObject;

/** What holds where `tree` is a valid configuration. `shown` has what may be seen of strings that held references. */
export function effectiveOf(tree: unknown, shown: ReadonlyMap<string, string>): EffectiveConfig {
  const full = redact(withDefaults(configSchema, tree), shown);
  const { lookups, pipelines: configured, ...rest } = members(full);
  const pipelines = members(configured);
  return {
    ...rest,
    ...(lookups === undefined ? {} : { lookups: everyLookup(lookups) }),
    pipelines: Object.fromEntries(Object.entries(pipelines).map(([name, pipeline]) => [name, withCeilings(pipeline)])),
  };
}

/** The defaults that no schema can hold, because they are what stands beside them. */
function withCeilings(pipeline: JsonData): JsonData {
  const own = members(pipeline);
  const { capacity = null, timeout = null } = own;
  return { ...own, allow: { capacity, timeout, ...members(own['allow']) } };
}

function everyLookup(lookups: JsonData): JsonDataObject {
  return Object.fromEntries(Object.entries(members(lookups)).map(([name, lookup]) => [name, withDelimiter(lookup)]));
}

function withDelimiter(lookup: JsonData): JsonData {
  const { table, ...rest } = members(lookup);
  if (table === undefined) return lookup;
  const { file, key, ...more } = members(table);
  const delimiter = typeof file === 'string' ? defaultDelimiter(file) : undefined;
  if (delimiter === undefined) return lookup;
  return { table: { file: file ?? null, key: key ?? null, delimiter, ...more }, ...rest };
}

function members(value: JsonData | undefined): JsonDataObject {
  return isDataObject(value) ? value : {};
}
