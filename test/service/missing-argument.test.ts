import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../http/start.ts';
import { type InProcess, startInProcess } from './in-process.ts';

interface Started extends InProcess {
  /** Paths of the calls. */
  readonly calls: string[];
}

async function started(pipeline: object): Promise<Started> {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    calls.push(request.url ?? '');
    response.setHeader('content-type', 'application/json').end('{"ok":true}');
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const lookups = { far: { http: { url: `http://127.0.0.1:${port}/{id}` } } };
  const enrich = [{ lookup: 'far', with: { id: '/id' }, into: '/far' }];
  return { ...(await startInProcess(lookups, { onMissingArgument: 'miss', enrich, ...pipeline })), calls };
}

const out = (outcome: string): string => `millrace_records_out_total{pipeline="test",outcome="${outcome}"}`;

async function one({ service }: Started, body: string, route = 'enrich'): Promise<[number, string]> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${service.url}/v1/${route}/test`, { method: 'POST', headers, body });
  return [response.status, await response.text()];
}

test('onMissingArgument miss: a record without the argument is a miss in stream, trailer and metrics, without a call', async () => {
  const it = await started({});
  expect(await it.enrich('{"id":7}\n{"id":null}\n{}\n{"id":""}\n', '')).toBe(
    [
      '{"id":7,"far":{"ok":true}}',
      '{"id":null,"far":null}',
      '{"far":null}',
      '{"id":"","_error":{"code":"missing_argument","message":"argument \\"id\\" makes the path segment \\"\\", which would name another resource","lookup":"far","line":4}}',
      '',
    ].join('\n'),
  );
  expect(it.calls).toEqual(['/7']);
  const metrics = await (await fetch(`${it.service.adminUrl}/metrics`)).text();
  const value = (name: string): string | undefined =>
    metrics
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1);
  expect([value(out('missed')), value(out('enriched')), value(out('error'))]).toEqual(['2', '1', '1']);
  expect(value('millrace_lookup_calls_total{lookup="far",outcome="ok"}')).toBe('1');
  expect(value('millrace_lookup_calls_total{lookup="far",outcome="miss"}') ?? '0').toBe('0');
  expect(value('millrace_record_errors_total{pipeline="test",code="missing_argument"}')).toBe('1');
});

test('onMissingArgument miss: so is a single record, whatever onMiss is', async () => {
  const record = '{"id": null}';
  expect(await one(await started({}), record)).toEqual([200, '{"id": null,"far":null}']);
  expect(await one(await started({ onMiss: 'omit' }), record)).toEqual([200, record]);
  expect((await one(await started({ onMiss: 'error' }), record))[0]).toBe(404);
  expect(await one(await started({ onMiss: 'drop' }), record)).toEqual([204, '']);
  expect((await one(await started({ onMissingArgument: 'error' }), record))[0]).toBe(422);
});

test('explain names the missing argument', async () => {
  const it = await started({});
  const steps = [{ lookup: 'far', into: '/far', miss: '/id is missing; argument {id} is read from it' }];
  const [status, text] = await one(it, '{}', 'explain');
  expect([status, JSON.parse(text)]).toEqual([200, { pipeline: 'test', steps }]);
  expect(it.calls).toEqual([]);
});
