import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { checkPipelines } from '../../src/pipeline/check.ts';
import { raw } from '../http/access/raw.ts';
import { folderOf } from './serving.ts';
import { started } from './started.ts';

const configuration = (pipeline: string, file = 'rows.csv'): string => `
server: { watch: false }
lookups: { t: { table: { file: ${file}, key: id } } }
pipelines: { ${pipeline}: { enrich: [ { lookup: t, with: { id: /id }, into: /a } ] } }
`;

/** A service that reloads its configuration only by request (`watch: false`). */
async function reloadable() {
  const folder = folderOf({ 'rows.csv': 'id,v\n1,x\n', 'millrace.yaml': configuration('first') });
  const file = join(folder, 'millrace.yaml');
  const load = () =>
    loadConfig({ file, env: {}, flags: { 'server.port': '0', 'server.admin.port': '0' }, checks: [checkPipelines] });
  const service = await started(load(), { load });
  const reload = async (init: RequestInit = {}) => {
    const response = await fetch(`${service.adminUrl}/reload`, { method: 'POST', ...init });
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      body: (await response.json()) as object,
    };
  };
  const pipelines = async (): Promise<unknown> => (await fetch(`${service.url}/v1/pipelines`)).json();
  return { service, file, reload, pipelines };
}

test('POST /reload answers when the new configuration is in force', async () => {
  const { file, reload, pipelines } = await reloadable();
  writeFileSync(file, configuration('second'));
  appendFileSync(file, 'tracing: { otlp: { url: "http://127.0.0.1:1" } }\n');
  expect(await reload()).toMatchObject({
    status: 200,
    body: { reloaded: true, pipelines: ['second'], restart: ['tracing'] },
  });
  expect(await pipelines()).toEqual({ pipelines: [{ name: 'second', href: '/v1/pipelines/second' }] });
});

test('a configuration with mistakes changes nothing, and the answer has each mistake with its place', async () => {
  const { file, reload, pipelines } = await reloadable();
  writeFileSync(file, configuration('second').replace('/a }', 'a }').replace('watch', 'wach'));
  const { status, type, body } = await reload();
  expect({ status, type }).toEqual({ status: 422, type: 'application/problem+json' });
  expect(body).toMatchObject({
    type: 'urn:millrace:problem:configuration_refused',
    code: 'configuration_refused',
    detail: 'the configuration has 2 mistakes; the previous one stays in force',
    mistakes: [
      { file, line: 2, column: 11, path: 'server.wach', nearest: 'watch' },
      { file, line: 4, path: 'pipelines.second.enrich[0].into', nearest: null },
    ],
  });
  expect(await pipelines()).toMatchObject({ pipelines: [{ name: 'first' }] });
});

test('the answer names a lookup that cannot be opened', async () => {
  const { file, reload, pipelines } = await reloadable();
  writeFileSync(file, configuration('second', 'none.csv'));
  const { status, body } = await reload();
  expect(status).toBe(422);
  expect(body).toMatchObject({ detail: expect.stringMatching(/^lookup "t": table none\.csv: .*ENOENT/), mistakes: [] });
  expect(await pipelines()).toMatchObject({ pipelines: [{ name: 'first' }] });
});

test('body and headers of the request are ignored, but pages of other origins and other methods are refused', async () => {
  const { service, file, reload, pipelines } = await reloadable();
  for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
    expect(await reload({ headers: { 'content-type': type }, body: '{' })).toMatchObject({ status: 200 });
  }
  const { host, port } = new URL(service.adminUrl);
  for (const origin of [`http://${host}`, `http://localhost:${port}`]) {
    const own = await raw(Number(port), 'POST /reload HTTP/1.1', `Host: ${new URL(origin).host}`, `Origin: ${origin}`);
    expect(own.status).toBe(200);
  }
  writeFileSync(file, configuration('second'));
  for (const headers of [
    { origin: 'https://elsewhere.example' },
    { origin: `https://${host}` },
    { origin: 'null' },
    { origin: 'http://localhost' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]) {
    expect(await reload({ headers: headers as Record<string, string> })).toMatchObject({
      status: 403,
      body: { code: 'forbidden_origin' },
    });
  }
  expect(await reload({ method: 'PUT' })).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } });
  expect(await pipelines()).toMatchObject({ pipelines: [{ name: 'first' }] });
});

test('simultaneous requests are all answered with the configuration that is in force at the end', async () => {
  const { file, reload } = await reloadable();
  writeFileSync(file, configuration('second'));
  const answers = await Promise.all([reload(), reload(), reload()]);
  for (const answer of answers) expect(answer).toMatchObject({ status: 200, body: { pipelines: ['second'] } });
});
