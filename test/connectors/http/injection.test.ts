import { describe, expect, test } from 'vitest';
import { RecordError } from '../../../src/core/errors.ts';
import { openHttp, tcpEnd } from './far-end.ts';

/** Values by which a client could try to leave the place that the configuration gives to its record. */
const hostile = [
  '..',
  '.',
  '../admin',
  '..\\admin',
  '%2e%2e',
  '%2E%2e/admin',
  '.%2e',
  '%252e%252e',
  '/',
  '//evil.test/',
  '\\\\evil.test',
  '@evil.test',
  ':9999',
  '?admin=1',
  '&admin=1',
  '#admin',
  ';admin=1',
  'x HTTP/1.1\r\nx-admin: 1',
  'x\r\n\r\nGET /admin HTTP/1.1\r\nhost: evil.test\r\n\r\n',
  'x\nx-admin: 1',
  'x\rx-admin: 1',
  'x\0y',
  'x\u0085y',
  'x\u2028y',
  'x\u010d\u010ay',
  '\u560d\u560ax-admin: 1',
  '\ud800',
  '\t',
  ' ',
  '',
  'http://evil.test/',
  'x'.repeat(20_000),
];

/** A server that keeps the bytes of its requests, and answers each head. */
async function recorder(): Promise<{ readonly origin: string; readonly sent: string[] }> {
  const sent: string[] = [];
  const { origin } = await tcpEnd((socket) => {
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (!text.includes('\r\n\r\n')) return;
      sent.push(text);
      text = '';
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}');
    });
  });
  return { origin, sent };
}

/** The names of the fields of a request. */
function names(text: string): readonly string[] {
  return text
    .split('\r\n')
    .slice(1, -2)
    .map((line) => line.split(':')[0]?.toLowerCase() ?? '')
    .toSorted();
}

describe.each(['lean', 'undici'])('with client: %s, a value of a record stays in its place', (client) => {
  test.each<[string, object, RegExp]>([
    ['a segment of the path', { path: '/a/{v}/z' }, /^\/a\/[^/?#\s]+\/z$/],
    ['a part of a segment', { path: '/a/x{v}y/z' }, /^\/a\/x[^/?#\s]*y\/z$/],
    ['the end of the path', { path: '/a/{v}' }, /^\/a\/[^/?#\s]+$/],
    ['the query of the url', { path: '/a?q={v}&z=1' }, /^\/a\?q=[^&#\s]*&z=1$/],
    ['query', { path: '/a', query: { q: '{v}' } }, /^\/a\?q=[^&#\s]*$/],
    ['a header', { path: '/a', headers: { 'x-v': '{v}' } }, /^\/a$/],
    ['a part of a header', { path: '/a', headers: { 'x-v': 'a{v}b' } }, /^\/a$/],
  ])('%s', async (_, { path, ...options }: { path?: string }, target) => {
    const { origin, sent } = await recorder();
    const { ask } = await openHttp({ url: `${origin}${path}`, client, ...options });
    await ask({ v: 'harmless' });
    const harmless = names(sent[0] ?? '');
    const refusals: unknown[] = [];
    for (const v of hostile) {
      const before = sent.length;
      const failure = await ask({ v }).then(
        () => undefined,
        (error: unknown) => RecordError.from(error),
      );
      if (failure !== undefined) {
        refusals.push({ code: failure.code, calls: sent.length - before });
        continue;
      }
      const [request = '', ...more] = sent.slice(before);
      expect(more).toEqual([]);
      const [, written = ''] = /^GET (\S+) HTTP\/1\.1\r\n/.exec(request) ?? [];
      expect(written).toMatch(target);
      // As a server may read it: no segment leads to another folder.
      const segments = written
        .split('?')[0]
        ?.split('/')
        .map((segment) => segment.replaceAll(/%2e/gi, '.'));
      expect(segments).not.toContain('..');
      expect(segments).not.toContain('.');
      // No field was added, and no control character is in any.
      expect(names(request)).toEqual(harmless);
      expect(Buffer.from(request.replaceAll('\r\n', ''), 'latin1').some((byte) => byte < 0x20 || byte === 0x7f)).toBe(
        false,
      );
    }
    // No call was made for these: the record is wrong.
    expect(new Set(refusals.map((refusal) => JSON.stringify(refusal)))).toEqual(
      new Set(['{"code":"missing_argument","calls":0}']),
    );
    expect(refusals.length).toBeLessThan(hostile.length);
  });
});
