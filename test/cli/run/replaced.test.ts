import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../../http/start.ts';
import { freePort } from '../../proxies/proxy.ts';
import { startInProcess } from '../../service/in-process.ts';
import { folderOf, Millrace } from '../../service/serving.ts';
import { env } from './fixture.ts';

const timeout = 60_000;
const old = 'the result of yesterday\n';

async function service(): Promise<string> {
  const rows = join(folderOf({ 'rows.csv': 'id,name\n1,one\n' }), 'rows.csv');
  const enrich = [{ lookup: 'mine', with: { id: '/id' }, into: '/row' }];
  const started = await startInProcess({ mine: { table: { file: rows, key: 'id' } } }, { enrich });
  return started.service.url;
}

/** Another server, as it listens if the port is a wrong one. */
async function otherServer(): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(404).end('no such page');
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${port}`;
}

/** Runs with an output and a file of errors that are there already. */
async function run(url: string, input: string, args: readonly string[] = [], end = '') {
  const folder = folderOf({ in: input });
  const [out, errors] = [join(folder, `out${end}`), join(folder, `errors${end}`)];
  for (const file of [out, errors]) writeFileSync(file, old);
  const files = ['--in', join(folder, 'in'), '--out', out, '--errors', errors];
  const command = new Millrace(['run', 'test', ...files, '--url', url, ...args], { env });
  const [code] = await command.ended;
  return { code, out: readFileSync(out, 'utf8'), errors: readFileSync(errors, 'utf8') };
}

test.each([
  ['of a server that is another one', otherServer, []],
  ['of an option that the pipeline does not allow', service, ['--capacity', '49999']],
  ['of a service that is not there', async () => `http://127.0.0.1:${await freePort()}`, ['--retry-for', '1ms']],
] as const)('a refusal %s leaves the files of --out and --errors as they are', { timeout }, async (_, start, args) => {
  for (const end of ['', '.gz'])
    expect(await run(await start(), '{"id":"1"}\n', args, end)).toEqual({ code: 1, out: old, errors: old });
});

test.each([
  ['records', '{"id":"1"}\n{"id":null}\n', '{"id":"1","row":{"id":"1","name":"one"}}\n', '{"id":null}\n'],
  ['records that all fail', '{"id":null}\n', '', '{"id":null}\n'],
  ['records of which none fails', '{"id":"1"}\n', '{"id":"1","row":{"id":"1","name":"one"}}\n', ''],
  ['an empty input', '', '', ''],
])('a run with %s replaces both files', { timeout }, async (_, input, out, errors) => {
  expect(await run(await service(), input)).toEqual({ code: 0, out, errors });
});
