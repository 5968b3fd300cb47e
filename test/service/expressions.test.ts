import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../http/start.ts';
import { type InProcess, linesOf, startInProcess } from './in-process.ts';

async function started(step: object): Promise<InProcess> {
  const far = createServer((_, response) => response.end('{"constructor":"x","done":true}'));
  const port = await listen(far);
  onTestFinished(() => {
    far.closeAllConnections();
    far.close();
  });
  return startInProcess(
    { far: { http: { url: `http://127.0.0.1:${port}/{key}` } } },
    { enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer', ...step }] },
  );
}

const enriched = (key: string) => expect.objectContaining({ key, answer: { constructor: 'x', done: true } }) as unknown;
const failed = (key: string, message: string) =>
  expect.objectContaining({
    key,
    _error: expect.objectContaining({
      code: 'expression_error',
      message: expect.stringContaining(message) as string,
      lookup: 'far',
    }) as unknown,
  }) as unknown;

const line = (value: object): string => `${JSON.stringify(value)}\n`;

test('a pattern that would backtrack for ever in other engines ends, in when and in until', async () => {
  const evil = `${'a'.repeat(44)}!`;
  for (const step of [
    { when: "!record.mail.matches('^([a-z]+)+@example.com$')" },
    { repeat: { until: "!record.mail.matches('^([a-z]+)+@example.com$')", max: 2 } },
    { when: '!matches(record.mail, record.pattern)' },
  ]) {
    const { enrich } = await started(step);
    const body = line({ key: 'a', mail: evil, pattern: '^([a-z]+)+@example.com$' });
    expect(linesOf(await enrich(body + body))).toEqual([enriched('a'), enriched('a')]);
  }
});

test('an expression that would take too long is an error of its record; the records before and after it succeed', async () => {
  const { enrich, service, admin } = await started({ when: 'record.tags.all(t, t in record.allowed)' });
  const numbers = Array.from({ length: 70_000 }, (_, index) => index);
  const small = (key: string): string => line({ key, tags: [1], allowed: [1, 2] });
  const body = small('a') + line({ key: 'b', tags: numbers, allowed: numbers }) + small('c');
  expect(linesOf(await enrich(body))).toEqual([
    enriched('a'),
    failed('b', 'enrich[0].when, line 1, column 13: this takes more than 1000000 steps'),
    enriched('c'),
  ]);
  expect(await admin.metric('millrace_record_errors_total')).toBe(1);

  const single = await fetch(`${service.url}/v1/enrich/test`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: line({ key: 'b', tags: numbers, allowed: numbers }),
  });
  expect(single.status).toBe(422);
});

function startedWithTable(): Promise<InProcess> {
  const when = 'record.n.all(a, record.n.all(b, record.n.all(c, a + b + c >= 0.0)))';
  return startInProcess(
    { rows: { table: { file: 'test/cel/rows.json', key: 'id' } } },
    { enrich: [{ lookup: 'rows', with: { id: '/key' }, into: '/row', when }] },
  );
}

test('a body full of expensive records does not block other requests', async () => {
  const { enrich, admin, service } = await startedWithTable();
  const heavy = line({ key: 'a', n: Array.from({ length: 45 }, (_, index) => index) }).repeat(120);
  let answered = 0;
  const stream = enrich(heavy).then((text) => ({ text, probes: answered }));
  for (let count = 0; count < 5; count += 1) {
    await fetch(`${service.adminUrl}/livez`);
    answered += 1;
  }
  const { text, probes } = await stream;
  expect(linesOf(text)).toHaveLength(120);
  expect(probes).toBe(5);
  expect(await admin.metric('millrace_record_errors_total')).toBe(0);
});

test('many expensive single records do not block other requests', async () => {
  const { service } = await startedWithTable();
  const heavy = line({ key: 'a', n: Array.from({ length: 45 }, (_, index) => index) });
  let answered = 0;
  const requests = Array.from({ length: 60 }, async () => {
    const response = await fetch(`${service.url}/v1/enrich/test`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: heavy,
    });
    return { status: response.status, probes: answered };
  });
  for (let count = 0; count < 3; count += 1) {
    await fetch(`${service.adminUrl}/livez`);
    answered += 1;
  }
  const responses = await Promise.all(requests);
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
  expect(Math.max(...responses.map(({ probes }) => probes))).toBe(3);
});

test('values with the deepest nesting that a record may have are compared', async () => {
  const { enrich } = await started({ when: 'record.a == record.b' });
  const depth = 990;
  const nested = (leaf: number): string => `${'['.repeat(depth)}${leaf}${']'.repeat(depth)}`;
  const body = `{"key":"x","a":${nested(1)},"b":${nested(1)}}\n{"key":"y","a":${nested(1)},"b":${nested(2)}}\n`;
  const [same = '', other = ''] = (await enrich(body)).split('\n');
  expect(same.endsWith('"answer":{"constructor":"x","done":true}}')).toBe(true);
  expect(other).toBe(body.split('\n')[1]);
});

test('members with names such as __proto__ are ordinary members, in the record and in the answer', async () => {
  const { enrich } = await started({
    when: 'record.flag == true && !has(record.toString)',
    repeat: { until: 'answer.constructor == "x" && record.answer.constructor == "x" && !has(answer.then)', max: 1 },
  });
  const body = `{"key":"a","flag":true,"constructor":1,"__proto__":{"a":1}}\n{"key":"b","flag":true,"hasOwnProperty":{"constructor":{}}}\n`;
  const lines = linesOf(await enrich(body));
  expect(lines.map((value) => value['answer'])).toEqual([
    { constructor: 'x', done: true },
    { constructor: 'x', done: true },
  ]);
});

test('an operation of an expression that fails on a record has its position', async () => {
  const { enrich } = await started({ when: 'has(record.key) && record.n + 1 == 2.0' });
  expect(linesOf(await enrich('{"key":"a","n":1}\n{"key":"b"}\n'))).toEqual([
    failed('a', 'enrich[0].when, line 1, column 29: double + int is not defined; numbers of a record are doubles'),
    failed('b', 'enrich[0].when, line 1, column 27: record has no member "n"; ask with has() first'),
  ]);
});
