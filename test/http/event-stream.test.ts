import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fetch } from './fetched.ts';
import { start, type StartOptions } from './start.ts';

/** The data of each event, as a client parses server-sent events (WHATWG HTML, 9.2.6). */
function eventsOf(text: string): string[] {
  const events: string[] = [];
  let data: string[] = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line === '' && data.length > 0) {
      events.push(data.join('\n'));
      data = [];
    } else if (line.startsWith('data:')) data.push(line.slice('data:'.length).replace(/^ /, ''));
  }
  return events;
}

async function received(options: StartOptions, query: string, body: string, headers: Record<string, string> = {}) {
  const { url } = await start(options);
  const response = await fetch(`${url}/v1/enrich/test?${query}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-ndjson', accept: 'text/event-stream', ...headers },
  });
  return response.text();
}

function tableLookup(): object {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-events-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'rows.json');
  writeFileSync(file, '{"a": {\r"found":\r\n"a"}}');
  return { rows: { table: { file, key: 'key' } } };
}

const withCr = '\r{\r"key"\r:\r"a"\r,\r"n":\r1.0\r}\r\n';
const without = '{"key":"a","n":1.0';

describe('a CR between the tokens of a record does not end its event', () => {
  const cases: readonly (readonly [what: string, options: StartOptions, expected: string])[] = [
    ['enriched over HTTP', {}, `${without},"answer":{"found":"a"}}`],
    ['with _meta', { pipeline: { meta: ['seq'] } }, `${without},"answer":{"found":"a"},"_meta":{"seq":0}}`],
    [
      'left as it was by its `when`',
      { pipeline: { enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer', when: 'false' }] } },
      `${without}}`,
    ],
    [
      'that failed, passed through',
      {
        pipeline: { onError: 'passthrough', enrich: [{ lookup: 'far', with: { key: '/none' }, into: '/answer' }] },
      },
      `${without}}`,
    ],
  ];
  test.each(cases)('%s', async (_what, options, expected) => {
    const text = await received(options, '', withCr);
    expect(text).toBe(`data: ${expected}\n\n`);
    expect(eventsOf(text)).toEqual([expected]);
  });

  test('enriched from a table whose file has line breaks too', async () => {
    const enrich = [{ lookup: 'rows', with: { key: '/key' }, into: '/answer' }];
    for (const body of [withCr, `{"key":\r"a","n":1.0}\r\n`]) {
      const text = await received({ lookups: tableLookup(), pipeline: { enrich } }, '', body);
      expect(eventsOf(text)).toEqual([`${without},"answer":{"found":"a"}}`]);
    }
  });

  test('that failed, annotated', async () => {
    const pipeline = { enrich: [{ lookup: 'far', with: { key: '/none' }, into: '/answer' }] };
    const [event, ...more] = eventsOf(await received({ pipeline }, '', withCr));
    expect(more).toEqual([]);
    expect(event).toMatch(/^\{"key":"a","n":1\.0,"_error":\{"code":"missing_argument",.*\}\}$/);
  });

  test('of a line that is not a record', async () => {
    const [event, ...more] = eventsOf(await received({}, '', '{"key":\r1\r2}\n'));
    expect(more).toEqual([]);
    expect(JSON.parse(event ?? '')).toMatchObject({ _error: { code: 'invalid_json', input: '{"key":\r1\r2}' } });
  });

  test('of a watermark', async () => {
    const text = await received({}, 'control=true', '{"$watermark":\r{"at":\r"x\\r"}}\n');
    expect(eventsOf(text)[0]).toBe('{"$watermark":{"at":"x\\r"}}');
  });

  test('of a text of a sequence', async () => {
    const headers = { 'content-type': 'application/json-seq' };
    const text = await received({}, '', '\u001e{"key":\r\n\r"a",\n"n":1.0}\n', headers);
    expect(eventsOf(text)).toEqual([`${without},"answer":{"found":"a"}}`]);
  });
});

test('in NDJSON and in a sequence a CR is white space, and stays', async () => {
  const kept = '\r{\r"key"\r:\r"a"\r,\r"n":\r1.0\r,"answer":{"found":"a"}}';
  expect(await received({}, '', withCr, { accept: 'application/x-ndjson' })).toBe(`${kept}\n`);
  expect(await received({}, '', withCr, { accept: 'application/json-seq' })).toBe(`\u001e${kept}\n`);
});
