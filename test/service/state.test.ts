import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { WireClient } from '../http/wire-client.ts';
import { startInProcess } from './in-process.ts';
import { folderOf, root } from './serving.ts';

const token = 'sk-live-0123456789';

/** Never answers `/slow` and `/slow-too`, and answers `/bad` with an error. */
async function farEnd(): Promise<number> {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/slow') === true) return;
    if (request.url === '/bad') response.writeHead(503).end();
    else response.setHeader('content-type', 'application/json').end('{"ok":true}');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function started() {
  const port = await farEnd();
  const leaky = join(
    folderOf({ 'leaky.mjs': `export default () => { throw new Error('refused ${token}') }` }),
    'leaky.mjs',
  );
  const lookups = {
    far: {
      http: { url: `http://127.0.0.1:${port}/{key}`, headers: { authorization: `Bearer ${token}` } },
      timeout: '10s',
    },
    leaky: { module: { file: leaky } },
  };
  const enrich = [
    { lookup: 'far', with: { key: '/key' }, into: '/answer' },
    { lookup: 'leaky', with: { key: '/key' }, into: '/leak', when: 'has(record.leak)' },
  ];
  return startInProcess(lookups, { enrich });
}

/** A schema whose objects allow no other members than those it names. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map((item) => closed(item));
  if (typeof schema !== 'object' || schema === null) return schema;
  const members = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  return 'properties' in members ? { additionalProperties: false, ...members } : members;
}

test('the state has exactly the members that the OpenAPI document describes, with streams, a record and errors', async () => {
  const { admin, enrich, port } = await started();
  await enrich('{"key":"a"}\n{"key":"bad"}\nno JSON\n');
  const client = await WireClient.open(port);
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk('{"key":"a"}\n{"key":"slow"}\n');
  await client.until('"ok":true');
  const gone = new AbortController();
  const single = fetch(`http://127.0.0.1:${port}/v1/enrich/test`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"key":"slow-too"}',
    signal: gone.signal,
  });
  let state: unknown;
  do state = await (await fetch(`${admin.url}/state`)).json();
  while (!JSON.stringify(state).includes('"record"'));

  expect(state).toMatchObject({
    draining: false,
    version: expect.any(String),
    uptimeMs: expect.any(Number),
    streams: [
      { mode: 'ordered', client: expect.stringMatching(/^127\.0\.0\.1:\d+$/), read: 2, written: 1, inFlight: 1 },
      { mode: 'record', client: expect.stringMatching(/^127\.0\.0\.1:\d+$/) },
    ],
    pipelines: { test: { recordsIn: 6, errors: { bad_status: 1, invalid_json: 1 } } },
    lookups: {
      far: { inFlight: 2, errors: 1, calls: { ok: 2, bad_status: 1 }, recent: { p50Ms: expect.any(Number) } },
    },
    errors: [{ code: 'invalid_json' }, { code: 'bad_status', lookup: 'far', status: 503, count: 1 }],
  });
  const document: { components: object } = parse(readFileSync(join(root, 'openapi/openapi.yaml'), 'utf8'));
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const valid = ajv.compile({ $ref: '#/components/schemas/State', components: closed(document.components) });
  valid(state);
  expect(valid.errors).toBeNull();
  expect(valid({ ...Object(state), more: 1 })).toBe(false);
  client.socket.destroy();
  gone.abort();
  await expect(single).rejects.toThrow('abort');
});

test('an error in the state contains no secret of the configuration', async () => {
  const { admin, enrich } = await started();
  expect(await enrich('{"key":"a","leak":true}\n')).toContain('refused ***');
  const text = await (await fetch(`${admin.url}/state`)).text();
  expect(JSON.parse(text)).toMatchObject({
    errors: [{ code: 'function_error', lookup: 'leaky', message: 'refused ***' }],
  });
  expect(text).not.toContain(token);
});
