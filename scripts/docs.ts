// Writes the tables of docs/configuration.md from the schema that checks the configuration: `npm run docs`.
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { configJsonSchema } from '../src/config/schema/json-schema.ts';
import { environmentVariables } from '../src/config/document/overlay.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../src/core/json/json.ts';
import { duration, size } from '../src/core/options/units.ts';

/** One key: its dotted path, with `NAME` for a name that the user chooses and `[]` for a list. */
interface Key {
  readonly path: string;
  readonly schema: JsonObject;
  readonly required: boolean;
}

/** The tables, each named by the path above its keys. A key is in the table with the longest matching path. */
const sections = [
  'server',
  'lookups.NAME',
  'lookups.NAME.http',
  'lookups.NAME.table',
  'lookups.NAME.module',
  'lookups.NAME.retry',
  'lookups.NAME.concurrency',
  'lookups.NAME.batch',
  'lookups.NAME.hedge',
  'lookups.NAME.breaker',
  'lookups.NAME.rateLimit',
  'lookups.NAME.cache',
  'pipelines.NAME',
  'pipelines.NAME.enrich[]',
  'tracing',
] as const;

type Section = (typeof sections)[number];

const startOf = (section: Section): string => `<!-- keys of ${section}: written by npm run docs -->`;
const end = '<!-- end of keys -->';

/** The page with every table written from the schema. Throws Error if the page has no place for a table. */
export function withTables(page: string): string {
  const keys = [...keysOf('', configJsonSchema())];
  return sections.reduce((text, section) => {
    const start = text.indexOf(startOf(section));
    const stop = text.indexOf(end, start);
    if (start < 0 || stop < 0)
      throw new Error(`the page has no place for ${section}; add ${startOf(section)} … ${end}`);
    const own = keys.filter(({ path }) => sectionOf(path) === section);
    return `${text.slice(0, start + startOf(section).length)}\n\n${table(section, own)}\n\n${text.slice(stop)}`;
  }, page);
}

function sectionOf(path: string): Section | undefined {
  const holding = sections.filter((section) => path.startsWith(`${section}.`));
  return holding.toSorted((a, b) => b.length - a.length)[0];
}

function* keysOf(prefix: string, schema: JsonObject): Generator<Key> {
  const required = list(schema['required']);
  for (const [name, member] of Object.entries(object(schema['properties']))) {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    yield { path, schema: object(member), required: required.includes(name) };
    yield* keysOf(path, object(member));
  }
  for (const choice of list(schema['anyOf'])) {
    // A key that one choice requires does not exist in the others.
    for (const key of keysOf(prefix, object(choice))) yield { ...key, required: key.required && !isChild(prefix, key) };
  }
  const items = object(schema['items']);
  if (items['properties'] !== undefined || items['anyOf'] !== undefined) yield* keysOf(`${prefix}[]`, items);
  const named = object(schema['additionalProperties']);
  if (named['properties'] !== undefined || named['anyOf'] !== undefined) yield* keysOf(`${prefix}.NAME`, named);
}

function isChild(parent: string, { path }: Key): boolean {
  return !path.slice(parent.length + 1).includes('.');
}

function table(section: Section, keys: readonly Key[]): string {
  const server = section === 'server';
  const head = ['key', 'type', 'default', 'meaning', ...(server ? ['environment'] : [])];
  const rows = keys.map(({ path, schema, required }) => [
    `\`${path.slice(section.length + 1)}\``,
    typeOf(schema),
    required ? 'required' : defaultOf(schema),
    meaningOf(schema),
    ...(server ? [variableOf(path)] : []),
  ]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const variables = new Map(Array.from(environmentVariables, ([name, path]) => [path.join('.'), name]));

function variableOf(path: string): string {
  const name = variables.get(path);
  return name === undefined ? '' : `\`${name}\``;
}

/** A key that may be left out. Without a default in the schema, its description says what applies. */
function defaultOf(schema: JsonObject): string {
  const { default: value } = schema;
  if (value === undefined || isSection(schema)) return '–';
  // As in YAML, where null without quotes is not a string.
  const plain = typeof value === 'string' && value !== '' && value !== 'null';
  return `\`${plain ? value : JSON.stringify(value).replaceAll(',', ', ')}\``;
}

function meaningOf({ description }: JsonObject): string {
  return typeof description === 'string' ? description.replaceAll('|', String.raw`\|`) : '';
}

const isSection = (schema: JsonObject): boolean => schema['type'] === 'object' && schema['properties'] !== undefined;

const spellings = new Map([
  [patternOf(duration), 'duration'],
  [patternOf(size), 'size'],
]);

function patternOf(schema: z.ZodType): string | undefined {
  return JSON.stringify(z.toJSONSchema(schema, { io: 'input' })).match(/"pattern":("(?:[^"\\]|\\.)*")/)?.[1];
}

function typeOf(schema: JsonObject): string {
  const kinds = [...new Set(kindsOf(schema))];
  // A number of bytes is one of the spellings of a size.
  const known = kinds.includes('size') ? kinds.filter((kind) => !kind.startsWith('whole number')) : kinds;
  return known.join(', or ');
}

const words = new Map([
  ['string', 'text'],
  ['boolean', '`true` `false`'],
]);

function kindsOf(schema: JsonObject): string[] {
  const { type, pattern, enum: values, anyOf, $ref } = schema;
  if ($ref === '#/$defs/reference') return [];
  if ($ref !== undefined) return ['any JSON'];
  if (Array.isArray(anyOf)) return anyOf.flatMap((choice) => kindsOf(object(choice)));
  if (Array.isArray(values)) return [values.map((value) => `\`${String(value)}\``).join(' ')];
  if (typeof pattern === 'string')
    return [spellings.get(JSON.stringify(pattern)) ?? (pattern.includes('~[01]') ? 'JSON Pointer' : 'text')];
  if (type === 'integer' || type === 'number') return [numberOf(schema)];
  if (type === 'boolean') return ['`true` `false`'];
  if (type === 'array') return [`list of ${typeOf(object(schema['items']))}`];
  if (type === 'object')
    return [schema['additionalProperties'] === false ? 'keys' : `map of name to ${mapped(schema)}`];
  return [type].flat().map((name) => (typeof name === 'string' ? (words.get(name) ?? name) : ''));
}

function numberOf({ type, minimum, maximum }: JsonObject): string {
  const kind = type === 'integer' ? 'whole number' : 'number';
  return minimum === undefined || maximum === undefined
    ? kind
    : `${kind} ${JSON.stringify(minimum)} to ${JSON.stringify(maximum)}`;
}

function mapped(schema: JsonObject): string {
  const values = object(schema['additionalProperties']);
  return values['properties'] === undefined ? typeOf(values) || 'any JSON' : 'keys';
}

function object(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

if (import.meta.main) {
  const page = new URL('../docs/configuration.md', import.meta.url);
  writeFileSync(page, withTables(readFileSync(page, 'utf8')));
}
