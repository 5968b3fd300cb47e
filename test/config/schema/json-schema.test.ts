import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { configJsonSchema } from '../../../src/config/schema/json-schema.ts';

const committed = readFileSync(new URL('../../../openapi/millrace.schema.json', import.meta.url), 'utf8');

test('the committed schema is the generated one (npx node src/cli/main.ts schema > openapi/millrace.schema.json)', () => {
  expect(`${JSON.stringify(configJsonSchema(), null, 2)}\n`).toBe(committed);
});

/** Every map of names in the schema, with the path to it. */
function* members(schema: unknown, path: string): Generator<readonly [string, Record<string, unknown>]> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'properties') {
      for (const [name, member] of Object.entries<Record<string, unknown>>(value)) yield [`${path}.${name}`, member];
    }
    yield* members(value, key === 'properties' ? path : `${path}.${key}`);
  }
}

test('every key has a description', () => {
  const nameless = [...members(configJsonSchema(), '')].filter(([, member]) => !('description' in member));
  expect(nameless.map(([path]) => path)).toEqual([]);
});

describe('the JSON Schema', () => {
  const valid = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(
    JSON.parse(committed),
  );
  const lookup = { http: { url: 'http://127.0.0.1/{id}' } };
  const pipelines = { p: { enrich: [{ lookup: 'a', with: { id: '/id' }, into: '/x' }] } };

  test('accepts a configuration with only the required keys', () => {
    expect(valid({ lookups: { a: lookup }, pipelines })).toBe(true);
  });

  test('accepts a reference instead of a number, a boolean or one of several words', () => {
    const given = {
      server: { port: '${PORT}', drainTimeout: '${DRAIN:-5s}', log: { level: '${LEVEL}' } },
      lookups: { a: lookup },
      pipelines: { p: { ...pipelines.p, explode: '${EXPLODE}' } },
    };
    expect(valid(given)).toBe(true);
  });

  test.each(['rows.csv', 'rows.tsv', '${ROWS}'])('accepts a delimiter for %s', (file) => {
    expect(valid({ lookups: { a: { table: { file, key: 'id', delimiter: ';' } } }, pipelines })).toBe(true);
  });

  test.each([
    ['two connectors', { lookups: { a: { ...lookup, table: { file: 'x.csv', key: 'id' } } }, pipelines }],
    ['no connector', { lookups: { a: { timeout: '1s' } }, pipelines }],
    ['an unknown key', { sever: {}, pipelines }],
    [
      'a delimiter for a JSON file',
      { lookups: { a: { table: { file: 'x.ndjson', key: 'id', delimiter: ';' } } }, pipelines },
    ],
    ['two delimiters', { lookups: { a: { table: { file: 'x.csv', key: 'id', delimiter: ', ' } } }, pipelines }],
    ['no pipelines', { lookups: { a: lookup } }],
    ['a duration without a unit', { server: { drainTimeout: '5' }, pipelines }],
    ['an invalid pointer', { pipelines: { p: { enrich: [{ lookup: 'a', into: 'x' }] } } }],
  ])('refuses %s', (_what, given) => {
    expect(valid(given)).toBe(false);
  });
});
