import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { deflateSync, gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { isJsonObject, type JsonValue } from '../../src/core/json/json.ts';
import { linesOf, startInProcess } from './in-process.ts';

type Script = (socket: Socket) => void;

function answer(body: string | Buffer, ...head: readonly string[]): Script {
  const [status = 'HTTP/1.1 200 OK', ...headers] = head;
  return (socket) => {
    socket.write(`${[status, ...headers, `content-length: ${body.length}`].join('\r\n')}\r\n\r\n`);
    socket.write(body);
  };
}

/** Another system on plain sockets: the script answers `/bad`, every other path is found. */
async function farEnd(script: Script): Promise<{ port: number; close(): Promise<void> }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    let asked = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      asked += text;
      if (!asked.endsWith('\r\n\r\n')) return;
      const key = /^GET \/(\S*)/.exec(asked)?.[1];
      asked = '';
      if (key === 'bad') script(socket);
      else answer(`{"found":"${key}"}`)(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const close = async (): Promise<void> => {
    server.close();
    await once(server, 'close');
  };
  return { port: typeof address === 'object' && address !== null ? address.port : 0, close };
}

/** The members of `_error`. */
const members = ['code', 'message', 'lookup', 'status', 'attempts', 'line'];

const body = '{"key":"a"}\n{"key":"bad","n":1.0}\n{"key":"b"}\n';

const text = (value: JsonValue | undefined): string =>
  typeof value === 'string' ? value : `no text: ${JSON.stringify(value)}`;

/** The `_error` of the one bad record. The records before and after it must be enriched. */
async function failureOf(script: Script, lookup: object = {}): Promise<unknown> {
  const far = await farEnd(script);
  const origin = `http://127.0.0.1:${far.port}`;
  const { enrich } = await startInProcess(
    { far: { http: { url: `${origin}/{key}` }, ...lookup } },
    { enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer' }] },
  );
  const enrichedText = await enrich(body);
  const [before, bad = '', after] = enrichedText.split('\n');
  expect([before, after]).toEqual(['{"key":"a","answer":{"found":"a"}}', '{"key":"b","answer":{"found":"b"}}']);
  expect(bad).toMatch(/^\{"key":"bad","n":1\.0,"(_error|answer)":/);
  const error = linesOf(bad)[0]?.['_error'];
  if (!isJsonObject(error)) return bad;
  expect(Object.keys(error)).toEqual(members.filter((member) => member in error));
  return { ...error, message: text(error['message']).replaceAll(origin, 'ORIGIN') };
}

const megabytes = Buffer.alloc(10_000_000, '[1],');
const ok = 'HTTP/1.1 200 OK';
const chunked = `${ok}\r\ntransfer-encoding: chunked\r\n\r\n`;
const asked = { lookup: 'far', attempts: 1, line: 2 };

test.each<[string, Script, object]>([
  [
    'answers 500',
    answer('{"why":"db"}', 'HTTP/1.1 500 Oh', 'content-type: application/json'),
    {
      code: 'bad_status',
      message: String.raw`ORIGIN answered 500: application/json, beginning with "{\"why\":\"db\"}"`,
      status: 500,
    },
  ],
  [
    'answers HTML',
    answer('<html>Hello</html>', ok, 'content-type: text/html'),
    {
      code: 'bad_response',
      message: 'the answer is not JSON: text/html, beginning with "<html>Hello</html>"',
      status: 200,
    },
  ],
  [
    'sends broken JSON',
    answer('{"a":1,}'),
    {
      code: 'bad_response',
      message: String.raw`the answer is not JSON: no content-type, beginning with "{\"a\":1,}"; at character 8 expected a member name, found "}"`,
      status: 200,
    },
  ],
  ['sends nothing', answer(''), { code: 'bad_response', message: 'the answer has no body (status 200)', status: 200 }],
  [
    'encodes its answer although the request did not allow it',
    answer(deflateSync('{"a":1}'), ok, 'content-encoding: deflate'),
    {
      code: 'bad_response',
      message: 'the answer is encoded (content-encoding: deflate), which is not supported',
      status: 200,
    },
  ],
  [
    'encodes its answer and breaks off',
    answer(gzipSync('{"a":1}').subarray(0, -4), ok, 'content-encoding: gzip'),
    {
      code: 'bad_response',
      message: 'the answer cannot be decoded: the body breaks off before the end of its gzip coding',
      status: 200,
    },
  ],
  [
    'names an encoding that its answer does not have',
    answer('{"a":1}', ok, 'content-encoding: br'),
    {
      code: 'bad_response',
      message: expect.stringMatching(/^the answer cannot be decoded: the body is not valid br: /) as string,
      status: 200,
    },
  ],
  [
    'redirects',
    answer('', 'HTTP/1.1 302 Found', 'location: http://elsewhere/'),
    {
      code: 'bad_status',
      message:
        'ORIGIN answered 302 and points to http://elsewhere/; redirects are never followed: configure that address',
      status: 302,
    },
  ],
  [
    'announces 10 MB',
    answer(megabytes),
    {
      code: 'response_too_large',
      message:
        'the answer is larger than maxResponseBytes, 1048576 (content-length 10000000): raise it, or request a smaller answer',
      status: 200,
    },
  ],
  [
    'sends 10 MB',
    (socket) => {
      socket.write(`${chunked}${megabytes.length.toString(16)}\r\n`);
      socket.write(megabytes);
    },
    {
      code: 'response_too_large',
      message: 'the answer is larger than maxResponseBytes, 1048576: raise it, or request a smaller answer',
      status: 200,
    },
  ],
  [
    'announces more than it sends',
    (socket) => socket.end(`${ok}\r\ncontent-length: 100\r\n\r\n{"a":`),
    {
      code: 'unreachable',
      message: 'no complete answer from ORIGIN: it closed the connection before the answer was whole',
    },
  ],
  [
    'ends within a chunk',
    (socket) => socket.end(`${chunked}5\r\n{"a":\r\n`),
    {
      code: 'unreachable',
      message: 'no complete answer from ORIGIN: it closed the connection before the answer was whole',
    },
  ],
  [
    'closes the connection without an answer',
    (socket) => socket.end(),
    {
      code: 'unreachable',
      message: 'no complete answer from ORIGIN: it closed the connection before the answer was whole',
    },
  ],
  [
    'resets',
    (socket) => socket.resetAndDestroy(),
    { code: 'unreachable', message: 'no complete answer from ORIGIN: read ECONNRESET' },
  ],
  [
    'does not speak HTTP',
    (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
    { code: 'bad_response', message: expect.stringMatching(/^the answer of ORIGIN is refused: /) },
  ],
])('another system that %s fails only the record that called it', async (_, script, error) => {
  expect(await failureOf(script)).toEqual({ ...asked, ...error });
});

test('another system that hangs fails only the record that called it, and its connection is closed', async () => {
  const closed = Promise.withResolvers<void>();
  const error = await failureOf((socket) => socket.once('close', closed.resolve), { timeout: '50ms' });
  expect(error).toEqual({
    ...asked,
    code: 'timeout',
    message: 'no answer within 50 ms',
  });
  await closed.promise;
});

test('an answer without an end is read only up to maxResponseBytes', async () => {
  const closed = Promise.withResolvers<void>();
  let takenBytes = 0;
  const error = await failureOf((socket) => {
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const more = (): void => {
      while (!socket.destroyed && socket.write(chunk)) takenBytes += chunk.length;
    };
    socket.on('drain', more).once('close', closed.resolve);
    socket.write(chunked);
    more();
  });
  expect(error).toMatchObject({ ...asked, code: 'response_too_large', status: 200 });
  await closed.promise;
  // The bytes above the limit were already in the kernel's buffers.
  expect(takenBytes).toBeLessThan(20_000_000);
});

test('a 404 is a miss, not an error', async () => {
  expect(await failureOf(answer('gone', 'HTTP/1.1 404 Not Found'))).toBe('{"key":"bad","n":1.0,"answer":null}');
});

const to = (port: number): object => ({ http: { url: `http://127.0.0.1:${port}/{key}` } });

test('an address where no process listens fails the records that call it, and no other lookup', async () => {
  const [far, closed] = await Promise.all([farEnd(() => {}), farEnd(() => {})]);
  await closed.close();
  const { enrich } = await startInProcess(
    { far: to(far.port), closed: to(closed.port) },
    {
      enrich: [
        { lookup: 'far', with: { key: '/key' }, into: '/answer', when: 'record.key != "bad"' },
        { lookup: 'closed', with: { key: '/key' }, into: '/answer', when: 'record.key == "bad"' },
      ],
    },
  );
  const [before, bad = '', after] = (await enrich(body)).split('\n');
  expect([before, after]).toEqual(['{"key":"a","answer":{"found":"a"}}', '{"key":"b","answer":{"found":"b"}}']);
  expect(linesOf(bad)[0]?.['_error']).toEqual({
    code: 'unreachable',
    message: `cannot connect to http://127.0.0.1:${closed.port}: nothing listens there (connect ECONNREFUSED 127.0.0.1:${closed.port})`,
    lookup: 'closed',
    attempts: 1,
    line: 2,
  });
});
