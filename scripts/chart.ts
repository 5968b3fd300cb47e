// Writes values.schema.json, which includes the schema of the configuration, and the table of values in README.md of each
// chart from its values.yaml: `npm run chart`.
import { readFileSync, writeFileSync } from 'node:fs';
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { configJsonSchema } from '../src/config/schema/json-schema.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../src/core/json/json.ts';
import { explained, rules, undefaulted } from './chart-rules.ts';

/** A value of the chart: its dotted path, its default, and its meaning, which is the comment above it. */
interface Value {
  readonly path: string;
  readonly meaning: string;
  readonly default: JsonValue;
  /** The values of a group; undefined for a single value, even if that is a map. */
  readonly members: readonly Value[] | undefined;
}

/** The values of a chart, from the text of its values.yaml. */
function valuesOf(text: string): readonly Value[] {
  const document = parseDocument(text);
  if (!isMap(document.contents)) throw new Error('values.yaml is not a map');
  return membersOf('', document.contents, document.commentBefore ?? '');
}

function membersOf(prefix: string, map: YAMLMap, before: string): Value[] {
  return map.items.map((item, index) => valueOf(prefix, item, index === 0 ? before || (map.commentBefore ?? '') : ''));
}

function valueOf(prefix: string, { key, value }: Pair, before: string): Value {
  if (!isScalar(key)) throw new Error(`values.yaml has a key below "${prefix}" that is not a string`);
  const path = `${prefix}${String(key.value)}`;
  const comment = key.commentBefore ?? before;
  const group = isMap(value) && value.items.length > 0 && rules[path] === undefined;
  const members = group ? membersOf(`${path}.`, value, '') : undefined;
  const plain = (isMap(value) ? value.toJSON() : (value as { toJSON(): JsonValue }).toJSON()) as JsonValue;
  // A value of a group may have no comment: the comment of the group describes it.
  const meaning = comment.replaceAll(/\s*\n\s*/g, ' ').trim();
  return { path, meaning, default: plain, members };
}

export const charts = ['millrace', 'millrace-sidecar'] as const;

/** values.schema.json, in draft-07, which every version of Helm 3 and 4 reads. */
export function chartSchema(values: string): JsonObject {
  const { $schema: _, $id: __, $defs, required: ___, ...config } = configJsonSchema();
  const properties = Object.fromEntries(valuesOf(values).map((value) => [value.path, schemaOf(value)]));
  const definitions = { ...(isJsonObject($defs) ? $defs : {}), config };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of a chart of Millrace',
    type: 'object',
    additionalProperties: false,
    properties: { ...properties, ...(properties['preStopSeconds'] === undefined ? {} : explained), ...undefaulted },
    definitions: asDraft07(definitions),
  };
}

/** The key that Helm reads instead of `on` without quotes: in YAML 1.1 `on` is a boolean. */
const keyOn = 'true';

/**
 * In draft-07 referenced schemas are below `definitions`, and keywords beside a $ref are ignored. A key `on` is also allowed
 * under the name that Helm reads; the template changes it back.
 */
function asDraft07(schema: JsonValue): JsonValue {
  if (Array.isArray(schema)) return schema.map((item: JsonValue) => asDraft07(item));
  if (!isJsonObject(schema)) return schema;
  const { properties } = schema;
  if (isJsonObject(properties) && properties['on'] !== undefined && properties[keyOn] === undefined) {
    return asDraft07({ ...schema, properties: { ...properties, [keyOn]: properties['on'] } });
  }
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === '$ref' && typeof value === 'string' ? value.replace('#/$defs/', '#/definitions/') : asDraft07(value),
    ]),
  );
}

function schemaOf(value: Value): JsonObject {
  const description: JsonObject = value.meaning === '' ? {} : { description: value.meaning };
  if (value.members !== undefined) {
    const own = value.members.map((member): [string, JsonObject] => [
      member.path.slice(value.path.length + 1),
      schemaOf(member),
    ]);
    return { ...description, type: 'object', additionalProperties: false, properties: Object.fromEntries(own) };
  }
  return { ...description, ...(rules[value.path] ?? inferred(value)) };
}

function inferred({ path, default: value }: Value): JsonObject {
  if (typeof value === 'string') return { type: 'string' };
  if (typeof value === 'boolean') return { type: 'boolean' };
  if (typeof value === 'number') return { type: 'integer', minimum: 0 };
  throw new Error(`values.yaml: scripts/chart-rules.ts has to contain a schema for ${path}`);
}

const startOfTable = '<!-- values: written by npm run chart -->';
const endOfTable = '<!-- end of values -->';

/** The page with its table of values. Throws Error if the page has no place for it, or if a value has no comment. */
export function withValues(page: string, values: string): string {
  const start = page.indexOf(startOfTable);
  const stop = page.indexOf(endOfTable, start);
  if (start < 0 || stop < 0)
    throw new Error(`the page has no place for the values; add ${startOfTable} … ${endOfTable}`);
  const table = ['| value | default | meaning |', '| --- | --- | --- |', ...valuesOf(values).flatMap(rowsOf)];
  return `${page.slice(0, start + startOfTable.length)}\n\n${table.join('\n')}\n\n${page.slice(stop)}`;
}

function rowsOf(value: Value): readonly string[] {
  const { path, meaning, members } = value;
  const row = (shown: string): string => `| \`${path}\` | ${shown} | ${meaning.replaceAll('|', String.raw`\|`)} |`;
  if (members !== undefined) return [...(meaning === '' ? [] : [row('')]), ...members.flatMap(rowsOf)];
  if (meaning === '') throw new Error(`values.yaml has no comment above ${path}`);
  const shown = JSON.stringify(value.default).replaceAll('":', '": ').replaceAll(',"', ', "');
  return [row(shown.length > 60 ? '[values.yaml](values.yaml)' : `\`${shown}\``)];
}

if (import.meta.main) {
  for (const name of charts) {
    const chart = new URL(`../helm/${name}/`, import.meta.url);
    const values = readFileSync(new URL('values.yaml', chart), 'utf8');
    writeFileSync(new URL('values.schema.json', chart), `${JSON.stringify(chartSchema(values), null, 2)}\n`);
    const page = new URL('README.md', chart);
    writeFileSync(page, withValues(readFileSync(page, 'utf8'), values));
  }
}
