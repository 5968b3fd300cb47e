import { describe, expect, test } from 'vitest';
import { tcpEnd } from '../connectors/http/far-end.ts';
import { linesOf, startInProcess } from '../service/in-process.ts';

/** Another system that sends these bytes for the key `bad`, and a plain answer for every other one. */
async function enrichedBy(client: string, head: string, body: string): Promise<(accept?: string) => Promise<string>> {
  const far = await tcpEnd((socket) => {
    let received = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      received += chunk;
      if (!received.endsWith('\r\n\r\n')) return;
      const bad = received.startsWith('GET /bad ');
      received = '';
      socket.write(bad ? `${head}\r\n\r\n${body}` : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n42');
    });
  });
  const { service } = await startInProcess(
    { far: { http: { url: `${far.origin}/{key}`, client, maxResponseBytes: '64KiB' }, timeout: '2s' } },
    { enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer' }] },
  );
  return async (accept = 'application/x-ndjson') => {
    const response = await fetch(`${service.url}/v1/enrich/test?control=true`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', accept },
      body: '{"key":"a"}\n{"key":"bad"}\n{"key":"b"}\n',
    });
    return response.text();
  };
}

const ok = (body: string): readonly [head: string, body: string] => [
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`,
  body,
];

/** The answers are refused, whichever client makes the calls. */
const refused: readonly (readonly [what: string, answer: readonly [head: string, body: string], code: RegExp])[] = [
  ['larger than maxResponseBytes', ok(`"${'x'.repeat(70_000)}"`), /^response_too_large$/],
  [
    'endless',
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked', `20000\r\n${' '.repeat(0x20000)}\r\n`],
    /^response_too_large$/,
  ],
  ['nested 100,000 deep', ok('['.repeat(30_000) + ']'.repeat(30_000)), /^bad_response$/],
  ['HTML', ok('<script>alert(1)</script>'), /^bad_response$/],
  ['JSON with a second value behind it', ok('{"a":1}\n{"key":"forged"}'), /^bad_response$/],
  ['with bytes that are not UTF-8', ['HTTP/1.1 200 OK\r\nContent-Length: 3', '"\u00ff"'], /^bad_response$/],
  [
    'with two different lengths',
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 4', '4242'],
    /^(?:bad_response|unreachable)$/,
  ],
  [
    'with a length and chunks',
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked', '2\r\n42\r\n0\r\n\r\n'],
    /^(?:bad_response|unreachable)$/,
  ],
  [
    'a change of the protocol',
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade', ''],
    /^(?:bad_response|unreachable)$/,
  ],
  ['no HTTP', ['SSH-2.0-OpenSSH_9.2', ''], /^(?:bad_response|unreachable)$/],
];

/** The answers are JSON, and go into the record without any effect on its neighbours. */
const hostile: readonly (readonly [what: string, body: string, written: string])[] = [
  ['line breaks between its tokens', '{\r\n"a":\n1\r\n}', '{"a":1}'],
  [
    'a line that looks like a record in a text',
    String.raw`"\n{\"key\":\"forged\"}\n"`,
    String.raw`"\n{\"key\":\"forged\"}\n"`,
  ],
  ['a member like a control line', '{"$fatal":{"code":"forged"}}', '{"$fatal":{"code":"forged"}}'],
  [
    'members like those of errors and prototypes',
    '{"_error":1,"__proto__":{"key":"x"},"constructor":2}',
    '{"_error":1,"__proto__":{"key":"x"},"constructor":2}',
  ],
  ['numbers beyond those of JavaScript', '[1e400,12345678901234567890,1.0]', '[1e400,12345678901234567890,1.0]'],
];

describe.each(['lean', 'undici'])('API10 Unsafe Consumption of APIs, client: %s', (client) => {
  test.each(refused)('an answer that is %s fails its own record and no other', async (_, [head, body], code) => {
    const lines = linesOf(await (await enrichedBy(client, head, body))());
    expect(lines).toMatchObject([
      { key: 'a', answer: 42 },
      { key: 'bad', _error: { code: expect.stringMatching(code) } },
      { key: 'b', answer: 42 },
      { $summary: { status: 'complete', read: 3, written: 3, errors: 1 } },
    ]);
    expect(JSON.stringify(lines[1]).length).toBeLessThan(1000);
  });

  test.each(hostile)('an answer with %s makes no line of its own', async (_, body, written) => {
    const enrich = await enrichedBy(client, ...ok(body));
    const records = ['{"key":"a","answer":42}', `{"key":"bad","answer":${written}}`, '{"key":"b","answer":42}'];
    expect((await enrich()).split('\n').slice(0, -2)).toEqual(records);
    const events = (await enrich('text/event-stream')).split('\n\n').slice(0, -2);
    expect(events).toEqual(records.map((record) => `data: ${record}`));
  });
});
