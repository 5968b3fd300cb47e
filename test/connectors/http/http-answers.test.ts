import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { httpEnd, openHttp, tcpEnd, type OpenHttp } from './far-end.ts';

function raw(answer: string | Buffer, more: Readonly<Record<string, unknown>> = {}): Promise<OpenHttp> {
  return tcpEnd((socket) => socket.once('data', () => socket.end(answer))).then(({ origin }) =>
    openHttp({ url: `${origin}/x`, ...more }),
  );
}

function response(body: string | Buffer, head = 'HTTP/1.1 200 OK', headers: readonly string[] = []): Buffer {
  const bytes = Buffer.from(body);
  const lines = [head, `content-length: ${bytes.length}`, 'connection: close', ...headers, '', ''];
  return Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), bytes]);
}

describe('an answer', () => {
  test('keeps its bytes, except line breaks between tokens', async () => {
    const { ask, heard } = await raw(response('{\r\n "a": 1.0,\n "b": 12345678901234567890, "c":"\\n\\u0061"\n}\n'));
    expect((await ask()).json).toBe('{ "a": 1.0, "b": 12345678901234567890, "c":"\\n\\u0061"}');
    expect(heard.outcomes).toEqual(['ok']);
  });

  test('loses a byte-order mark', async () => {
    const { ask } = await raw(response('\uFEFF{"a":1}'));
    expect((await ask()).json).toBe('{"a":1}');
  });

  test('in many pieces is put together', async () => {
    const { origin } = await tcpEnd((socket) =>
      socket.once('data', () => {
        const bytes = response('{"city":"Zürich"}');
        for (const byte of bytes) socket.write(Buffer.of(byte));
      }),
    );
    const { ask } = await openHttp({ url: `${origin}/` });
    expect((await ask()).json).toBe('{"city":"Zürich"}');
  });

  test.each([404, 204])('with status %d is a miss', async (status) => {
    const { origin } = await httpEnd((_, out) => out.writeHead(status).end());
    const { ask, heard } = await openHttp({ url: `${origin}/x` });
    expect((await ask()).json).toBeUndefined();
    expect(heard.outcomes).toEqual(['miss']);
  });

  test('with a status of 200 to 299 that missStatus has is a miss, however long its body is', async () => {
    const { origin } = await httpEnd((_, out) => out.writeHead(203).end('x'.repeat(1_000_000)));
    const { ask } = await openHttp({ url: origin, missStatus: [203] });
    expect((await ask()).json).toBeUndefined();
  });

  test('in a hundred thousand pieces takes the memory of its bytes, not of its pieces', async () => {
    const text = `[${'1,'.repeat(50_000)}1]`;
    const chunks = text.replaceAll(/./g, '1\r\n$&\r\n');
    const { ask } = await raw(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
    const allocated = vi.spyOn(Buffer, 'allocUnsafe');
    const copied = vi.spyOn(Buffer, 'from');
    onTestFinished(() => void vi.restoreAllMocks());
    expect((await ask()).json).toBe(text);
    const buffers = allocated.mock.calls.length + copied.mock.calls.length;
    expect(buffers).toBeLessThan(1000);
  });

  test('with another status is a miss if missStatus has it, and then 404 is not', async () => {
    const { origin } = await httpEnd((request, out) => out.writeHead(request.url === '/gone' ? 410 : 404).end());
    const { ask } = await openHttp({ url: `${origin}/{x}`, missStatus: [410] });
    expect((await ask({ x: 'gone' })).json).toBeUndefined();
    await expect(ask({ x: 'other' })).rejects.toMatchObject({ code: 'bad_status', details: { status: 404 } });
  });

  test('is cut to the part that select names, with its source', async () => {
    const { ask } = await raw(response('{"a/b":[{"x":1.50}]}'), { select: '/a~1b/0/x' });
    expect((await ask()).json).toBe('1.50');
  });

  test('that is null at the place is found, and is null', async () => {
    const { ask } = await raw(response('{"a":null}'), { select: '/a' });
    expect((await ask()).json).toBe('null');
  });

  test('without the place that select names is a bad response that names it', async () => {
    const { ask } = await raw(response('{"a":1}'), { select: '/b' });
    await expect(ask()).rejects.toMatchObject({ code: 'bad_response', message: expect.stringContaining('"/b"') });
  });
});

describe('a bad answer', () => {
  test('500 is bad_status with the status, the beginning of the body, and Retry-After', async () => {
    const { ask, heard } = await raw(response('{"why":"db"}', 'HTTP/1.1 500 Oh', ['retry-after: 7']));
    await expect(ask()).rejects.toMatchObject({
      code: 'bad_status',
      message: expect.stringContaining('db'),
      details: { lookup: 'airport', status: 500, retryAfterMs: 7000 },
    });
    expect(heard.outcomes).toEqual(['bad_status']);
  });

  test('a redirect is not followed', async () => {
    const { origin } = await httpEnd((_, out) => out.writeHead(302, { location: 'http://other/' }).end());
    const { ask } = await openHttp({ url: `${origin}/x` });
    await expect(ask()).rejects.toMatchObject({
      code: 'bad_status',
      message: expect.stringMatching(/http:\/\/other\/.*never followed/),
    });
  });

  test('HTML is a bad response that shows its type and its beginning', async () => {
    const { ask } = await raw(response('<html><h1>Hi</h1>', undefined, ['content-type: text/html']));
    await expect(ask()).rejects.toMatchObject({
      code: 'bad_response',
      message: expect.stringMatching(/text\/html.*<html>/),
    });
  });

  test.each([
    ['nothing', '', /no body/],
    ['Latin-1', Buffer.from('{"a":"é"}', 'latin1'), /not UTF-8/],
    ['UTF-16', Buffer.from('{"a":"é"}', 'utf16le'), /not (?:UTF-8|JSON)/],
    ['two values', '{}{}', /not JSON/],
  ])('%s is a bad response', async (_, body, message) => {
    const { ask } = await raw(response(body));
    await expect(ask()).rejects.toMatchObject({ code: 'bad_response', message: expect.stringMatching(message) });
  });

  test('in a coding that is not known is a bad response that names the coding', async () => {
    for (const coding of ['deflate', 'gzip, gzip', 'br,gzip']) {
      // oxlint-disable-next-line no-await-in-loop
      const { ask } = await raw(response(gzipSync('{}'), undefined, [`content-encoding: ${coding}`]));
      const message = `the answer is encoded (content-encoding: ${coding}), which is not supported`;
      // oxlint-disable-next-line no-await-in-loop
      await expect(ask()).rejects.toMatchObject({ code: 'bad_response', message });
    }
  });

  test.each([
    ['half a body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a":'],
    ['half a chunked body', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n'],
    [
      'half a chunked body, closing',
      'HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
    ],
    ['half a head', 'HTTP/1.1 200 OK\r\ncontent-le'],
  ])('%s is unreachable', async (_, answer) => {
    const { ask, heard } = await raw(answer);
    await expect(ask()).rejects.toMatchObject({ code: 'unreachable', details: { lookup: 'airport' } });
    expect(heard.outcomes).toEqual(['unreachable']);
  });

  test('an answer that is not HTTP is a bad response', async () => {
    const { ask } = await raw('SSH-2.0-OpenSSH_9.2\r\n');
    await expect(ask()).rejects.toMatchObject({ code: 'bad_response' });
  });

  test('10 MB announced is refused before it is read', async () => {
    const { ask } = await raw('HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n[');
    await expect(ask()).rejects.toMatchObject({
      code: 'response_too_large',
      message: expect.stringContaining('1048576'),
    });
  });

  test('an endless answer is cut off at maxResponseBytes, and its connection closed', async () => {
    const closed = Promise.withResolvers<void>();
    const { origin } = await httpEnd((_, out) => {
      const pour = (): void => {
        while (!out.destroyed && out.write('[1,2,3,4,5,6,7,8,9]'.repeat(100)));
      };
      out.on('drain', pour);
      out.on('close', () => closed.resolve());
      pour();
    });
    const { ask } = await openHttp({ url: `${origin}/x`, maxResponseBytes: '64KiB' });
    await expect(ask()).rejects.toMatchObject({ code: 'response_too_large', details: { status: 200 } });
    await closed.promise;
  });

  test('an endless error page is bad_status as well', async () => {
    const { origin } = await httpEnd((_, out) => {
      out.writeHead(503);
      const pour = (): void => {
        while (!out.destroyed && out.write('busy '.repeat(1000)));
      };
      out.on('drain', pour);
      pour();
    });
    const { ask } = await openHttp({ url: `${origin}/x` });
    await expect(ask()).rejects.toMatchObject({ code: 'bad_status', details: { status: 503 } });
  });

  test('a port without a listener is unreachable, with the code', async () => {
    const { ask } = await openHttp({ url: 'http://127.0.0.1:1/x' });
    await expect(ask()).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('a name that is not known is unreachable', async () => {
    const { ask } = await openHttp({ url: 'http://no-such-host.invalid/x' });
    await expect(ask()).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/),
    });
  });

  test('an answer without TLS to a TLS client is unreachable', async () => {
    const { origin } = await httpEnd((_, out) => out.end('{}'));
    const { ask } = await openHttp({ url: `${origin.replace('http:', 'https:')}/x` });
    await expect(ask()).rejects.toMatchObject({ code: 'unreachable' });
  });
});
