import { defaultDelimiter } from '../connectors/table/table-options.ts';
import { defaultBurst } from '../lookup/rate-limit/rate-limit-options.ts';
import { isDataObject, type JsonData, type JsonDataObject } from '../core/json/json-data.ts';
import { redact } from './redact.ts';
import { configSchema } from './schema/schema.ts';
import { withDefaults } from './schema/schema-walk.ts';

/** A configuration with every default, in the units that its author used, secrets hidden. */
export type EffectiveConfig = JsonDataObject;

/** The effective form of a valid configuration. `shown` has, for each string with references, the text that may be shown. */
export function effectiveOf(tree: unknown, shown: ReadonlyMap<string, string>): EffectiveConfig {
  const full = redact(withDefaults(configSchema, tree), shown);
  const { lookups, pipelines: configured, ...otherSections } = members(full);
  const pipelines = members(configured);
  return {
    ...otherSections,
    ...(lookups === undefined ? {} : { lookups: everyLookup(lookups) }),
    pipelines: Object.fromEntries(Object.entries(pipelines).map(([name, pipeline]) => [name, withCeilings(pipeline)])),
  };
}

/** Adds the defaults that no schema can hold, because they are equal to another member of the same pipeline. */
function withCeilings(pipeline: JsonData): JsonData {
  const own = members(pipeline);
  const { capacity = null, timeout = null } = own;
  return { ...own, allow: { capacity, timeout, ...members(own['allow']) } };
}

function everyLookup(lookups: JsonData): JsonDataObject {
  return Object.fromEntries(
    Object.entries(members(lookups)).map(([name, lookup]) => [name, withBurst(withDelimiter(lookup))]),
  );
}

function withBurst(lookup: JsonData): JsonData {
  const { perSecond, burst } = members(members(lookup)['rateLimit']);
  if (typeof perSecond !== 'number' || burst !== undefined) return lookup;
  return { ...members(lookup), rateLimit: { perSecond, burst: defaultBurst(perSecond) } };
}

function withDelimiter(lookup: JsonData): JsonData {
  const { table, ...layers } = members(lookup);
  if (table === undefined) return lookup;
  const { file, key, ...otherOptions } = members(table);
  const delimiter = typeof file === 'string' ? defaultDelimiter(file) : undefined;
  if (delimiter === undefined) return lookup;
  return { table: { file: file ?? null, key: key ?? null, delimiter, ...otherOptions }, ...layers };
}

function members(value: JsonData | undefined): JsonDataObject {
  return isDataObject(value) ? value : {};
}
