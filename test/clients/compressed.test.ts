import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { listen } from '../http/start.ts';
import { startInProcess } from '../service/in-process.ts';
import { folderOf } from '../service/serving.ts';
import { inFolder } from './killed-service.ts';
import { compileMs, compressingNames, PagePrograms } from './page-programs.ts';

const page = new PagePrograms();
beforeAll(() => page.prepare(compressingNames), compileMs);
afterAll(() => page.remove());

const enrich = [{ lookup: 'rows', with: { id: '/key' }, into: '/answer' }];
const table = (): object => ({
  rows: { table: { file: join(folderOf({ 'rows.csv': 'id\na\nb\n' }), 'rows.csv'), key: 'id' } },
});
const count = 20_000;
const lines = (more: string): string =>
  Array.from({ length: count }, (_, n) => `{"n":${n},"key":"a","text":"grüße \u2028"${more}}\n`).join('');

/** What a client sent on the wire. */
interface Wire {
  readonly codings: (string | undefined)[];
  bytes: number;
}

/** The address of a server that passes each request on to `url`, and what went through it. */
async function watched(url: string): Promise<{ readonly url: string; readonly wire: Wire }> {
  const wire: Wire = { codings: [], bytes: 0 };
  const server = createServer((request, response) => {
    wire.codings.push(request.headers['content-encoding']);
    request.on('data', (chunk: Buffer) => (wire.bytes += chunk.length));
    const next = httpRequest(
      url + request.url,
      { method: request.method ?? '', headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(next);
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}`, wire };
}

describe.each(compressingNames)('the program of docs/clients.md for %s', { timeout: 60_000 }, (name) => {
  const files = inFolder(page.place(name));
  const [source, target] = files;

  test('sends gzip, gets every record back, and ends with 0', async () => {
    const { service } = await startInProcess(table(), { enrich });
    const { url, wire } = await watched(service.url);
    writeFileSync(source, lines(''));
    expect(await page.run(name, `${url}/v1/enrich/test`, ...files)).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(target, 'utf8') === lines(',"answer":{"id":"a"}')).toBe(true);
    expect(wire.codings).toEqual(['gzip']);
    expect(wire.bytes).toBeLessThan(lines('').length / 3);
  });

  test('ends with 1 and the reason if the service refuses it, and with 1 if the stream is cut', async () => {
    const { service } = await startInProcess(table(), { enrich, onInvalid: 'fail' });
    writeFileSync(source, '{"key":"a"}\nno JSON\n');
    const refused = await page.run(name, `${service.url}/v1/enrich/tset`, ...files);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('unknown_pipeline') as string });
    expect(await page.run(name, `${service.url}/v1/enrich/test`, ...files)).toMatchObject({ code: 1 });
  });
});
