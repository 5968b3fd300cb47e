// Writes values.schema.json and the table of values in README.md of each chart anew from its values.yaml, and puts the
// schema of the configuration into it: `npm run chart`.
import { readFileSync, writeFileSync } from 'node:fs';
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { configJsonSchema } from '../src/config/schema/json-schema.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../src/core/json/json.ts';
import { explained, rules, undefaulted } from './chart-rules.ts';

/** A value of the chart: its dotted path, its default, and what the comment above it says. */
interface Value {
  readonly path: string;
  readonly meaning: string;
  readonly default: JsonValue;
  /** The values in it, where it is a group of them; undefined where it is one value, whatever is in that. */
  readonly members: readonly Value[] | undefined;
}

/** The values of a chart, from the text of its values.yaml. */
function valuesOf(text: string): readonly Value[] {
  const document = parseDocument(text);
  if (!isMap(document.contents)) throw new Error('values.yaml holds no map');
  return membersOf('', document.contents, document.commentBefore ?? '');
}

function membersOf(prefix: string, map: YAMLMap, before: string): Value[] {
  return map.items.map((item, index) => valueOf(prefix, item, index === 0 ? before || (map.commentBefore ?? '') : ''));
}

function valueOf(prefix: string, { key, value }: Pair, before: string): Value {
  if (!isScalar(key)) throw new Error(`values.yaml has a key below "${prefix}" that is no text`);
  const path = `${prefix}${String(key.value)}`;
  const comment = key.commentBefore ?? before;
  const group = isMap(value) && value.items.length > 0 && rules[path] === undefined;
  const members = group ? membersOf(`${path}.`, value, '') : undefined;
  const plain = (isMap(value) ? value.toJSON() : (value as { toJSON(): JsonValue }).toJSON()) as JsonValue;
  // What stands in a group is told by the comment of the group, where it has none of its own.
  const meaning = comment.replaceAll(/\s*\n\s*/g, ' ').trim();
  return { path, meaning, default: plain, members };
}

export const charts = ['millrace', 'millrace-sidecar'] as const;

/** values.schema.json: draft-07, which every Helm 3 and 4 reads. */
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

/** What Helm makes of the key `on` without quotes: it reads YAML 1.1, where `on` is a boolean. */
const keyOn = 'true';

/**
 * Draft-07 keeps referenced schemas below `definitions`, and ignores everything beside a $ref. A key `on` is also taken
 * under the name that Helm gives it; the template changes it back.
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
  throw new Error(`values.yaml: scripts/chart-rules.ts has to say what ${path} may hold`);
}

const startOfTable = '<!-- values: written by npm run chart -->';
const endOfTable = '<!-- end of values -->';

/** The page with the table of values in it. Throws where it has no place for one, or where a value has no comment. */
export function withValues(page: string, values: string): string {
  const start = page.indexOf(startOfTable);
  const stop = page.indexOf(endOfTable, start);
  if (start < 0 || stop < 0) throw new Error(`there is no place for the values: ${startOfTable} … ${endOfTable}`);
  const table = ['| value | default | meaning |', '| --- | --- | --- |', ...valuesOf(values).flatMap(rowsOf)];
  return `${page.slice(0, start + startOfTable.length)}\n\n${table.join('\n')}\n\n${page.slice(stop)}`;
}

function rowsOf(value: Value): readonly string[] {
  const { path, meaning, members } = value;
  const row = (shown: string): string => `| \`${path}\` | ${shown} | ${meaning.replaceAll('|', String.raw`\|`)} |`;
  if (members !== undefined) return [...(meaning === '' ? [] : [row('')]), ...members.flatMap(rowsOf)];
  if (meaning === '') throw new Error(`values.yaml says nothing about ${path}`);
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
