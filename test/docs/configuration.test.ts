import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { withTables } from '../../scripts/docs.ts';
import { configJsonSchema } from '../../src/config/schema/json-schema.ts';
import { loadConfig } from '../../src/config/load.ts';
import { lookupSchema } from '../../src/config/schema/lookup-schema.ts';
import { environmentVariables } from '../../src/config/document/overlay.ts';
import { pipelineSchema } from '../../src/config/schema/pipeline-schema.ts';
import { serverSchema } from '../../src/config/schema/server-schema.ts';
import { tracingOptions } from '../../src/observability/tracing/tracing-options.ts';
import { checkPipelines } from '../../src/pipeline/check.ts';
import { allPages, codes, fencesOf, page, pages, rows, section } from './pages.ts';

const configuration = page('configuration.md');

test('docs/configuration.md shows every key as the schema defines it (npm run docs)', () => {
  expect(withTables(configuration)).toBe(configuration);
});

/** The names of all keys in a schema. */
function* names(schema: unknown): Generator<string> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'properties') yield* Object.keys(value);
    yield* names(value);
  }
}

test('the tables of docs/configuration.md have every key of the schema', () => {
  const documented = rows(configuration).map(([cell]) => codes(cell)[0]?.split('.').at(-1));
  const known = new Set(names({ properties: configJsonSchema()['properties'] }));
  expect(known.difference(new Set([...documented, 'server', 'lookups', 'pipelines', 'tracing']))).toEqual(new Set());
});

test('the pages name the environment variables that are read, and no others', () => {
  const named = [...pages.values()].flatMap((text) => text.match(/MILLRACE_SERVER_[A-Z_]*[A-Z]/g) ?? []);
  expect(new Set(named)).toEqual(new Set(environmentVariables.keys()));
});

test('docs/configuration.md has the flags of millrace check, and no others', async () => {
  const { run } = await import('../../src/cli/program.ts');
  const written: string[] = [];
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  onTestFinished(() => {
    process.stdout.write = write;
  });
  await run(['check', '--help']);
  const flags = written.join('').match(/--[a-z-]+(?= <(?!file|name=))/g);
  const documented = rows(section(configuration, '## Where a value comes from')).flatMap(([cell]) => codes(cell));
  expect(documented.filter((flag) => flag.startsWith('--')).toSorted()).toEqual(flags?.toSorted());
});

/** A service puts the values in before it checks the configuration; here each reference has a value of its own. */
const withReferences = (text: string): string =>
  text.replaceAll(/\$\{(?:file:[^}]*|\w+)\}/g, (reference) => `value-of-${reference.replaceAll(/\W/g, '-')}`);

const examples = [...allPages].flatMap(([name, text]) =>
  fencesOf(text)
    // `elsewhere`: the configuration of another program.
    .filter(({ language, marks }) => language === 'yaml' && !marks.includes('elsewhere'))
    .map((fence) => ({ at: `${name}:${fence.line}`, text: withReferences(fence.text) })),
);

const members = (value: unknown): readonly unknown[] => Object.values(value ?? {});

test.each(examples)('the configuration at $at is valid', ({ text }) => {
  const { server, lookups, pipelines, tracing, ...rest }: Record<string, unknown> = parse(text);
  expect(Object.keys(rest)).toEqual([]);
  if (server !== undefined) serverSchema.parse(server);
  if (tracing !== undefined) tracingOptions.parse(tracing);
  for (const lookup of members(lookups)) lookupSchema.parse(lookup);
  for (const pipeline of members(pipelines))
    pipelineSchema.parse({ enrich: [{ lookup: 'a', into: '/a' }], ...Object(pipeline) });
  if (lookups === undefined || pipelines === undefined) return;
  const folder = mkdtempSync(join(tmpdir(), 'millrace-docs-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'millrace.yaml');
  writeFileSync(file, text);
  loadConfig({ file, env: {}, flags: {}, checks: [checkPipelines] });
});
