import { createServer } from 'node:http';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isJsonObject, parseJson } from '../../src/core/json/json.ts';
import { listen } from '../http/start.ts';
import { WireClient } from '../http/wire-client.ts';
import { folderOf, serveFolder, type Serving } from './serving.ts';

/** Writes a new file and renames it to the old one, as editors do. */
function save(folder: string, name: string, content: string): void {
  writeFileSync(join(folder, `${name}.new`), content);
  renameSync(join(folder, `${name}.new`), join(folder, name));
}

/** A module that logs when it is opened and closed, and answers with `version`. */
const speaking = `
export default class {
  open({ parameters, logger, metrics }) {
    this.version = parameters.version;
    this.logger = logger;
    this.asked = metrics.counter('asked');
    logger.info('opened ' + this.version);
  }
  close() { this.logger.info('closed ' + this.version); }
  asyncInvoke(input, result) {
    this.asked.inc();
    result.complete([this.version]);
  }
}`;

/** A configuration with one pipeline, whose module answers with `version`. */
function config(version: number, pipeline = 'test', server = '{}'): string {
  return `server: ${server}
lookups: { far: { module: { file: far.mjs, parameters: { version: ${version} } } } }
pipelines: { ${pipeline}: { enrich: [ { lookup: far, with: { n: /n }, into: /v } ] } }
`;
}

async function started(content = config(1)): Promise<{ serving: Serving; folder: string }> {
  const folder = folderOf({ 'millrace.yaml': content, 'far.mjs': speaking });
  return { folder, serving: await serveFolder(folder) };
}

/** The lines of the service's log that are JSON. */
function log({ stderr }: Serving): readonly Record<string, unknown>[] {
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => parseJson(line)).filter((line) => isJsonObject(line));
}

const reloaded = /"configuration reloaded/g;
const refused = /"msg":"configuration not reloaded/g;

/** Resolves when the log has this many matching lines. */
async function heard(serving: Serving, what: RegExp, count = 1): Promise<void> {
  await serving.says(new RegExp(`(?:${what.source}[^]*){${count}}`));
}

async function enrich({ url }: Serving, body: string, pipeline = 'test'): Promise<string> {
  const headers = { 'content-type': 'application/x-ndjson' };
  return (await fetch(`${url}/v1/enrich/${pipeline}`, { method: 'POST', headers, body })).text();
}

async function streaming({ port }: Serving): Promise<WireClient> {
  const client = await WireClient.open(port);
  onTestFinished(() => void client.socket.destroy());
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk('{"n":1}\n');
  await client.until('{"n":1,"v":1}');
  return client;
}

async function metrics({ admin }: Serving): Promise<string> {
  return (await fetch(`${admin.url}/metrics`)).text();
}

test('SIGHUP: new streams use the new configuration; a running one ends on the old one, which is then closed', async () => {
  const { serving, folder } = await started(config(1, 'test', '{ watch: false }'));
  const client = await streaming(serving);
  save(folder, 'millrace.yaml', config(2, 'other', '{ watch: false }'));
  serving.child.kill('SIGHUP');
  await heard(serving, reloaded);
  expect(await enrich(serving, '{"n":2}\n', 'other')).toBe('{"n":2,"v":2}\n');
  expect(await (await fetch(`${serving.url}/v1/pipelines`)).json()).toEqual({
    pipelines: [{ name: 'other', href: '/v1/pipelines/other' }],
  });
  expect(await enrich(serving, '{"n":2}\n')).toContain('"unknown_pipeline"');
  const explained = await fetch(`${serving.url}/v1/explain/other`, { method: 'POST', body: '{"n":2}' });
  expect(await explained.json()).toMatchObject({ pipeline: 'other' });
  expect((await fetch(`${serving.admin.url}/readyz`)).status).toBe(200);
  // The old pipeline and its metrics exist only for its last stream.
  expect(await metrics(serving)).toContain('millrace_streams_active{pipeline="test",mode="ordered"} 1');
  client.chunk('{"n":3}\n');
  await client.until('{"n":3,"v":1}');
  expect(serving.stderr).not.toContain('"closed 1"');
  client.write('0\r\n\r\n');
  await client.until('Millrace-Status: complete');
  await serving.says(/"closed 1"/);
  const said = log(serving).map(({ msg }) => msg);
  expect(said.indexOf('opened 2')).toBeLessThan(said.findIndex((msg) => String(msg).startsWith('configuration rel')));
  const scrape = await metrics(serving);
  expect(scrape).not.toContain('pipeline="test"');
  expect(scrape).toContain('millrace_records_in_total{pipeline="other"} 1');
  expect(scrape).toContain('\nmillrace_config_last_reload_successful 1\n');
  expect(scrape).toContain('\nmillrace_config_reloads_total 1\n');
  serving.child.kill('SIGTERM');
  expect(await serving.ended).toEqual([0, null]);
  expect(log(serving).map(({ msg }) => msg)).toContain('closed 2');
});

test('counters of pipelines and lookups in both configurations continue, and an unchanged lookup is not opened again', async () => {
  const { serving, folder } = await started();
  await enrich(serving, '{"n":1}\n{"n":2}\n');
  save(folder, 'millrace.yaml', config(1).replace('into: /v', 'into: /other'));
  await heard(serving, reloaded);
  expect(await enrich(serving, '{"n":3}\n')).toBe('{"n":3,"other":1}\n');
  const again = await metrics(serving);
  expect(again).toContain('millrace_records_in_total{pipeline="test"} 3');
  expect(again).toContain('millrace_lookup_calls_total{lookup="far",outcome="ok"} 3');
  expect(again).toContain('millrace_function_asked_total{lookup="far"} 3');
  save(folder, 'millrace.yaml', config(2));
  await serving.says(/"closed 1"/);
  expect(await enrich(serving, '{"n":4}\n')).toBe('{"n":4,"v":2}\n');
  expect(await metrics(serving)).toContain('millrace_function_asked_total{lookup="far"} 4');
  const said = log(serving).map(({ msg }) => msg);
  expect(said.filter((msg) => /^(?:opened|closed) /.test(String(msg)))).toEqual(['opened 1', 'opened 2', 'closed 1']);
});

test('mistakes: each is logged with its place, nothing changes, and the corrected file is loaded without a request', async () => {
  const { serving, folder } = await started();
  save(folder, 'millrace.yaml', `${config(2).replace('far.mjs', 'far.mjs, fiel: x')}port: 1\n`);
  await heard(serving, refused);
  const file = join(folder, 'millrace.yaml');
  expect(log(serving).filter(({ level }) => level === 'error')).toMatchObject([
    {
      file,
      line: 2,
      column: 44,
      path: 'lookups.far.module.fiel',
      msg: expect.stringContaining(`${file}:2:44 lookups`),
    },
    { file, line: 4, column: 1, path: 'port', msg: expect.stringMatching(/millrace\.yaml:4:1 port: unknown key/) },
    { cause: 'file', mistakes: 2 },
  ]);
  expect(await serving.admin.metric('millrace_config_last_reload_successful')).toBe(0);
  expect((await fetch(`${serving.admin.url}/readyz`)).status).toBe(200);
  expect(await enrich(serving, '{"n":1}\n')).toBe('{"n":1,"v":1}\n');
  save(folder, 'millrace.yaml', config(3));
  await heard(serving, reloaded);
  expect(await enrich(serving, '{"n":1}\n')).toBe('{"n":1,"v":3}\n');
  expect(await serving.admin.metric('millrace_config_last_reload_successful')).toBe(1);
  expect(await serving.admin.metric('millrace_config_reloads_total')).toBe(2);
});

test('a missing configuration, or a lookup that cannot be opened, changes nothing until it is there', async () => {
  const { serving, folder } = await started();
  rmSync(join(folder, 'millrace.yaml'));
  await heard(serving, refused);
  expect(log(serving).find(({ level }) => level === 'error')).toMatchObject({
    msg: expect.stringContaining('the configuration cannot be read: ENOENT'),
  });
  const rows = 'lookups: { far: { table: { file: rows.csv, key: n } } }';
  save(folder, 'millrace.yaml', config(1).replace(/lookups: .*/, rows));
  await heard(serving, refused, 2);
  expect(log(serving).findLast(({ level }) => level === 'error')?.['msg']).toMatch(
    /lookup "far": table rows\.csv: .*ENOENT/,
  );
  expect(await enrich(serving, '{"n":"1"}\n')).toBe('{"n":"1","v":1}\n');
  save(folder, 'rows.csv', 'n,name\n1,one\n');
  await heard(serving, reloaded);
  expect(await enrich(serving, '{"n":"1"}\n')).toBe('{"n":"1","v":{"n":"1","name":"one"}}\n');
});

test('a replaced ConfigMap with a new secret: the next call has the new token', async () => {
  const tokens: (string | undefined)[] = [];
  const far = createServer(({ headers }, response) => {
    tokens.push(headers.authorization);
    response.end('1');
  });
  const port = await listen(far);
  onTestFinished(() => {
    far.closeAllConnections();
    far.close();
  });
  const folder = folderOf({});
  const publish = (version: string, token: string): void => {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, 'token'), `${token}\n`);
    writeFileSync(
      join(folder, version, 'millrace.yaml'),
      `lookups: { far: { http: { url: "http://127.0.0.1:${port}/{n}", auth: { bearer: "\${file:token}" } } } }
pipelines: { test: { enrich: [ { lookup: far, with: { n: /n }, into: /v } ] } }`,
    );
    symlinkSync(version, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  publish('..1', 'first-token');
  for (const name of ['millrace.yaml', 'token']) symlinkSync(join('..data', name), join(folder, name));
  const serving = await serveFolder(folder);
  await enrich(serving, '{"n":1}\n');
  publish('..2', 'second-token');
  rmSync(join(folder, '..1'), { recursive: true });
  await heard(serving, reloaded);
  await enrich(serving, '{"n":1}\n');
  expect(tokens).toEqual(['Bearer first-token', 'Bearer second-token']);
  expect(log(serving).filter(({ cause }) => cause !== undefined)).toMatchObject([{ cause: 'file' }]);
  expect(serving.stderr).not.toContain('-token');
});

test('new limits and the new log level apply from then on; keys that need a restart are named', async () => {
  const ports = 'port: 0, admin: { port: 0 }';
  const folder = folderOf({ 'millrace.yaml': config(1, 'test', `{ ${ports} }`), 'far.mjs': speaking });
  const serving = await serveFolder(folder, undefined, []);
  const client = await streaming(serving);
  const server = '{ port: 1, admin: { port: 2 }, limits: { streams: 1, lineBytes: 10B }, log: { level: warn } }';
  save(folder, 'millrace.yaml', config(1, 'test', server));
  await serving.says(/"server\.port, server\.admin\.port: a change needs a restart/);
  expect(await enrich(serving, '{"n":1}\n')).toContain('too_many_streams');
  client.chunk('{"n":2,"longer":"than ten bytes"}\n');
  await client.until('{"n":2,"longer":"than ten bytes","v":1}');
  client.write('0\r\n\r\n');
  await client.until('Millrace-Status: complete');
  expect(await enrich(serving, '{"n":3,"longer":"than ten bytes"}\n')).toContain('line_too_long');
  serving.child.kill('SIGTERM');
  expect(await serving.ended).toEqual([0, null]);
  expect(serving.stderr).toContain('"opened 1"');
  expect(serving.stderr).not.toContain('"stopped"');
});

test('a service that drains does not reload', async () => {
  const { serving, folder } = await started();
  const client = await streaming(serving);
  serving.child.kill('SIGTERM');
  await serving.says(/"draining/);
  save(folder, 'millrace.yaml', config(2));
  serving.child.kill('SIGHUP');
  await serving.says(/not reloaded: the service is stopping/);
  client.chunk('{"n":2}\n');
  await client.until('{"n":2,"v":1}');
  client.write('0\r\n\r\n');
  expect(await serving.ended).toEqual([0, null]);
  expect(serving.stderr).not.toContain('configuration reloaded');
  expect(serving.stderr).toContain('"closed 1"');
});

test('after several SIGHUPs in quick succession the last content of the file is in force', async () => {
  const { serving, folder } = await started(config(1, 'test', '{ watch: false }'));
  for (const version of [2, 3, 4]) {
    save(folder, 'millrace.yaml', config(version, 'test', '{ watch: false }'));
    serving.child.kill('SIGHUP');
  }
  await serving.says(/"opened 4"/);
  await serving.says(/"closed (?:1|2|3)"/);
  expect(await enrich(serving, '{"n":1}\n')).toBe('{"n":1,"v":4}\n');
});
