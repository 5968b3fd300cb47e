import { readFile } from 'node:fs/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../../src/core/json/json.ts';
import { enrichExample } from '../../../src/http/openapi/openapi-enrich.ts';
import { version } from '../../../src/service/version.ts';
import { openApiDocument } from '../../../src/http/openapi/openapi-document.ts';
import { start } from '../start.ts';

function at(value: JsonValue | undefined, ...path: readonly string[]): JsonObject {
  const found = path.reduce<JsonValue | undefined>(
    (inner, name) => (isJsonObject(inner) ? inner[name] : undefined),
    value,
  );
  if (!isJsonObject(found)) throw new Error(`nothing at ${path.join(' / ')}`);
  return found;
}

test('the committed document is the one that is served', async () => {
  const committed = await readFile(new URL('../../../openapi/openapi.yaml', import.meta.url), 'utf8');
  expect(committed, 'run: npm run openapi').toBe(await openApiDocument(version()));
});

test('JSON, YAML and the pages are served, and they load nothing from elsewhere', async () => {
  const { url } = await start();
  const json = parseJson(await (await fetch(`${url}/openapi.json`)).text());
  expect(at(json)['openapi']).toBe('3.2.0');
  const yaml = await fetch(`${url}/openapi.yaml`);
  expect(yaml.headers.get('content-type')).toContain('application/yaml');
  expect(await yaml.text()).toMatch(/^openapi: 3\.2\.0\n/);
  const page = await fetch(`${url}/docs/`);
  expect(page.status).toBe(200);
  const html = await page.text();
  expect(html).toContain('swagger-ui-bundle.js');
  expect(html).not.toMatch(/(?:src|href)="https?:/);
});

test('a running service names its own pipelines and its own admin listener', async () => {
  const { url } = await start();
  for (const path of ['/openapi.json', '/openapi-3.1.json', '/docs/json']) {
    const json = parseJson(await (await fetch(url + path)).text());
    expect(at(json, 'paths', '/livez')['servers']).toEqual([
      { url: 'http://127.0.0.1:7777', description: 'The admin listener (`server.admin`).' },
    ]);
    expect(at(json, 'paths', '/v1/enrich/{pipeline}', 'post')['parameters']).toContainEqual(
      expect.objectContaining({ name: 'pipeline', schema: { type: 'string', enum: ['test'] } }),
    );
  }
  expect(await (await fetch(`${url}/openapi.yaml`)).text()).toContain('url: http://127.0.0.1:7777');
});

test('the documents are valid OpenAPI 3.2 and 3.1', async () => {
  const { url } = await start();
  for (const [path, release] of [
    ['/openapi.json', '3.2'],
    ['/openapi-3.1.json', '3.1'],
  ]) {
    const document = (await (await fetch(url + path)).json()) as Record<string, unknown>;
    const validator = new Validator();
    expect(await validator.validate(document)).toEqual({ valid: true });
    expect(validator.version).toBe(release);
  }
});

test('the 3.1 document describes the items of a stream in text', async () => {
  const { url } = await start();
  const text = await (await fetch(`${url}/openapi-3.1.json`)).text();
  expect(text).not.toContain('itemSchema');
  const content = at(parseJson(text), 'paths', '/v1/enrich/{pipeline}', 'post', 'requestBody', 'content');
  expect(at(content, 'application/x-ndjson')['schema']).toEqual({
    type: 'string',
    description: 'A sequence of items, each one a `InputLine`.',
  });
  expect(at(content, 'application/json')['schema']).toEqual({ $ref: '#/components/schemas/Record' });
});

test('request and response of a stream are described record by record', async () => {
  const { url } = await start();
  const json = parseJson(await (await fetch(`${url}/openapi.json`)).text());
  const post = at(json, 'paths', '/v1/enrich/{pipeline}', 'post');
  for (const content of [at(post, 'requestBody', 'content'), at(post, 'responses', '200', 'content')]) {
    for (const type of ['application/x-ndjson', 'application/jsonl', 'application/json-seq']) {
      expect(at(content, type, 'itemSchema')['$ref']).toMatch(/^#\/components\/schemas\//);
    }
  }
});

test('the examples are what a real service answers', async () => {
  const { airports, pipeline } = enrichExample;
  const { url, downstream } = await start({
    pipeline: {
      onMiss: 'null',
      enrich: [
        { lookup: 'far', with: { key: '/origin' }, into: '/originAirport' },
        { lookup: 'far', with: { key: '/destination' }, into: '/destinationAirport' },
      ],
    },
  });
  downstream.answers = new Map(Object.entries(airports));
  const json = parseJson(await (await fetch(`${url}/openapi.json`)).text());
  const post = at(json, 'paths', '/v1/enrich/{pipeline}', 'post');
  const sent = at(post, 'requestBody', 'content');
  const given = at(post, 'responses', '200', 'content');
  expect(pipeline).toBe('flights');
  for (const [type, media] of Object.entries(sent)) {
    const request = Object.values(at(media, 'examples'))[0];
    const body = at(request)['value'];
    for (const [accept, answer] of Object.entries(given)) {
      if ((type === 'application/json') !== (accept === 'application/json')) continue;
      const response = await fetch(`${url}/v1/enrich/test`, {
        method: 'POST',
        headers: { 'content-type': type, accept },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      const text = await response.text();
      const expected = at(Object.values(at(answer, 'examples'))[0])['value'];
      expect(response.status).toBe(200);
      expect(accept === 'application/json' ? parseJson(text) : text).toEqual(expected);
    }
  }
});

test('listing, showing and explaining a pipeline make no call', async () => {
  const { url, downstream, port } = await start();
  const get = async (path: string) => parseJson(await (await fetch(url + path)).text());
  expect(port).toBeGreaterThan(0);
  expect(await get('/v1/pipelines')).toEqual({ pipelines: [{ name: 'test', href: '/v1/pipelines/test' }] });
  expect(await get('/v1/pipelines/test')).toMatchObject({ name: 'test' });
  expect(await get('/v1/pipelines/none')).toMatchObject({ status: 404, code: 'unknown_pipeline' });
  const explain = async (body: string) => {
    const response = await fetch(`${url}/v1/explain/test`, { method: 'POST', body });
    return parseJson(await response.text());
  };
  expect(await explain('{"key":"a/b"}')).toMatchObject({
    pipeline: 'test',
    steps: [{ lookup: 'far', into: '/answer', call: { method: 'GET', url: expect.stringMatching(/\/a%2Fb$/) } }],
  });
  expect(await explain('{"other":1}')).toMatchObject({ steps: [{ error: { code: 'missing_argument' } }] });
  expect(await explain('[1]')).toMatchObject({ status: 422, code: 'not_an_object' });
  expect(await explain('{')).toMatchObject({ status: 400, code: 'bad_body' });
  expect(downstream.calls).toBe(0);
});
