import { array, assert, constantFrom, nat, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnswerParser, maxHeadBytes } from '../../../../src/connectors/http/client/answer-parser.ts';
import { readPieces, readText, Receiver } from './read-answer.ts';

const lines = (...all: readonly string[]): string => all.map((line) => `${line}\r\n`).join('');
const ok = 'HTTP/1.1 200 OK';

describe('an answer is read', () => {
  test.each<[what: string, text: string, expected: object]>([
    ['with its length', `${lines(ok, 'Content-Length: 2', '')}{}`, { status: 200, body: '{}', reusable: true }],
    ['with length 0', lines(ok, 'content-length: 0', ''), { body: '', reusable: true }],
    ['with blanks around a value', `${lines(ok, 'content-length: \t 2 \t', '')}{}`, { body: '{}', reusable: true }],
    ['with its length said twice', `${lines(ok, 'content-length: 2', 'Content-Length: 2', '')}{}`, { body: '{}' }],
    ['with its length as a list of equal ones', `${lines(ok, 'content-length: 2, 2', '')}{}`, { body: '{}' }],
    ['with leading zeros in its length', `${lines(ok, 'content-length: 002', '')}{}`, { body: '{}' }],
    ['in chunks', lines(ok, 'transfer-encoding: chunked', '', '2', '{}', '0', ''), { body: '{}', reusable: true }],
    [
      'in chunks, in capitals',
      lines(ok, 'Transfer-Encoding: CHUNKED', '', 'A', '0123456789', '0', ''),
      { body: '0123456789' },
    ],
    [
      'in chunks with leading zeros',
      lines(ok, 'transfer-encoding: chunked', '', '0002', '{}', '00', ''),
      { body: '{}' },
    ],
    [
      'in chunks with extensions',
      lines(ok, 'transfer-encoding: chunked', '', '2;a;b=c ; d = "e\\"f"', '{}', '0;last', ''),
      { body: '{}', reusable: true },
    ],
    [
      'in chunks with trailers, which are ignored',
      lines(ok, 'transfer-encoding: chunked', '', '2', '{}', '0', 'content-length: 9', 'x: y', ' z', ''),
      { body: '{}', reusable: true },
    ],
    [
      'without length, until the connection closes',
      `${lines(ok, '')}{"a":1}`,
      { body: '{"a":1}', whole: true, reusable: false },
    ],
    ['without length and without a body', lines(ok, ''), { body: '', whole: true, reusable: false }],
    ['without a reason', `${lines('HTTP/1.1 200 ', 'content-length: 2', '')}{}`, { status: 200, body: '{}' }],
    [
      'without a reason and the space before it',
      `${lines('HTTP/1.1 200', 'content-length: 2', '')}{}`,
      { status: 200 },
    ],
    ['with a reason in Latin-1', lines('HTTP/1.1 500 \xfcbel', 'content-length: 0', ''), { status: 500 }],
    [
      'after 100 Continue',
      `${lines('HTTP/1.1 100 Continue', '', ok, 'content-length: 2', '')}{}`,
      { status: 200, body: '{}' },
    ],
    [
      'after 102 and 103 with fields of their own',
      `${lines('HTTP/1.1 102 P', '', 'HTTP/1.1 103 E', 'content-length: 7', 'link: x', '', ok, 'content-length: 2', '')}{}`,
      { status: 200, body: '{}', reusable: true },
    ],
    [
      'with status 204, whatever length it names',
      lines('HTTP/1.1 204 No', 'content-length: 9', ''),
      { status: 204, reusable: true },
    ],
    [
      'with status 304, whatever length it names',
      lines('HTTP/1.1 304 Same', 'content-length: 9', ''),
      { status: 304, reusable: true },
    ],
    ['with a status above 599', lines('HTTP/1.1 999 X', 'content-length: 0', ''), { status: 999, reusable: true }],
    [
      'with Connection: close',
      `${lines(ok, 'connection: Close', 'content-length: 2', '')}{}`,
      { body: '{}', reusable: false },
    ],
    [
      'with Connection: a, close',
      `${lines(ok, 'connection: a, close', 'content-length: 2', '')}{}`,
      { reusable: false },
    ],
    [
      'with Proxy-Connection: close',
      `${lines(ok, 'proxy-connection: close', 'content-length: 2', '')}{}`,
      { reusable: false },
    ],
    [
      'with Connection: keep-alive',
      `${lines(ok, 'connection: keep-alive', 'content-length: 2', '')}{}`,
      { reusable: true },
    ],
    ['in HTTP/1.0', `${lines('HTTP/1.0 200 OK', 'content-length: 2', '')}{}`, { body: '{}', reusable: false }],
    [
      'in HTTP/1.0 with Connection: Keep-Alive',
      `${lines('HTTP/1.0 200 OK', 'connection: Keep-Alive', 'content-length: 2', '')}{}`,
      { body: '{}', reusable: true },
    ],
    [
      'with bytes behind it, and the connection is not used again',
      `${lines(ok, 'content-length: 2', '')}{}\r\n`,
      { body: '{}', reusable: false },
    ],
    [
      'with another answer behind it, and the connection is not used again',
      `${lines(ok, 'content-length: 2', '')}{}${lines(ok, 'content-length: 4', '')}evil`,
      { body: '{}', reusable: false },
    ],
    [
      'with bytes behind its last chunk, and the connection is not used again',
      `${lines(ok, 'transfer-encoding: chunked', '', '0', '')}x`,
      { whole: true, reusable: false },
    ],
    [
      'with bytes behind a head without a body, and the connection is not used again',
      `${lines('HTTP/1.1 204 No', '')}x`,
      { whole: true, reusable: false },
    ],
  ])('%s', (_, text, expected) => {
    expect(readText(text)).toMatchObject({ whole: true, ...expected });
  });

  test('to HEAD without a body, whatever length it names', () => {
    const text = lines(ok, 'content-length: 9', '');
    expect(readText(text, true)).toMatchObject({ whole: true, body: '', reusable: true, head: { contentLength: 9 } });
  });

  test('with the fields that are used, in any spelling of their names', () => {
    const text = lines(
      'HTTP/1.1 503 Busy',
      'CONTENT-TYPE: text/html',
      'content-type: ignored',
      'Content-Encoding: gzip',
      'content-encoding:br',
      'Retry-After:  7 ',
      'retry-after: 8',
      'Location: /a',
      'location: /b',
      'x-other: \x80',
      'content-lengthy: 5',
      'contentXlength: 5',
      'empty:',
      'content-length: 0',
      '',
    );
    expect(readText(text).head).toEqual({
      status: 503,
      contentLength: 0,
      untilClose: false,
      contentType: 'text/html',
      contentEncoding: 'gzip, br',
      retryAfter: '7',
      location: '/a',
    });
  });

  test('with the lines of a folded field put together by one space', () => {
    const text = lines(ok, 'content-type: a;', '\t b', '   ', ' c', 'content-length:', ' 0', 'x: y', ' z', '');
    expect(readText(text)).toMatchObject({
      whole: true,
      reusable: true,
      head: { contentType: 'a; b c', contentLength: 0 },
    });
  });

  test.each([
    ['timeout=5', 5],
    ['max=100, timeout=7', 7],
    ['TIMEOUT = "9"', 9],
    ['xtimeout=5', undefined],
    ['max=100', undefined],
  ])('with Keep-Alive: %s', (value, seconds) => {
    const parser = new AnswerParser();
    const receiver = new Receiver();
    parser.expect(receiver, false);
    const text = Buffer.from(lines(ok, `keep-alive: ${value}`, 'content-length: 0', ''));
    parser.feed(text, text.length);
    expect([receiver.whole, parser.busy, parser.keepAliveSeconds]).toEqual([true, false, seconds]);
  });

  test('and says which piece of the body is the last one', () => {
    const parser = new AnswerParser();
    const receiver = new Receiver();
    parser.expect(receiver, false);
    for (const piece of [lines(ok, 'content-length: 4', ''), '{"', '"}']) {
      parser.feed(Buffer.from(piece), piece.length);
    }
    expect([receiver.lasts, receiver.began]).toEqual([[false, true], 1]);
  });
});

describe('an answer is refused', () => {
  const long = 'x'.repeat(maxHeadBytes);
  test.each<[what: string, text: string, message: RegExp]>([
    ['that is another protocol', lines('SSH-2.0-OpenSSH_9.2'), /begins with "SSH-2.0/],
    ['of HTTP/2.0', lines('HTTP/2.0 200 OK', ''), /begins with "HTTP\/2.0/],
    ['of HTTP/1.2', lines('HTTP/1.2 200 OK', ''), /begins with/],
    ['of HTTP/0.9', '<html>\r\n', /begins with "<html>"/],
    ['in small letters', lines('http/1.1 200 OK', ''), /begins with/],
    ['without a status', lines('HTTP/1.1', ''), /begins with/],
    ['with a status of two digits', lines('HTTP/1.1 20', ''), /begins with/],
    ['with a status of four digits', lines('HTTP/1.1 2000 OK', ''), /begins with/],
    ['with a status that is no number', lines('HTTP/1.1 2x0 OK', ''), /begins with/],
    ['with a status below 100', lines('HTTP/1.1 099 X', ''), /begins with/],
    ['with a tab before the status', lines('HTTP/1.1\t200 OK', ''), /begins with/],
    ['with a control character in its reason', lines('HTTP/1.1 200 O\x01K', ''), /reason holds a control/],
    ['that changes the protocol', lines('HTTP/1.1 101 Switch', ''), /changes the protocol/],
    ['whose lines end with LF', 'HTTP/1.1 200 OK\n\n', /CR LF/],
    ['with an empty line that ends with LF', 'HTTP/1.1 200 OK\r\n\n', /CR LF/],
    ['with a carriage return within a line', lines(ok, 'a: b\rc', ''), /control character/],
    ['with NUL in a value', lines(ok, 'a: b\0', ''), /control character/],
    ['with a control character in a folded line', lines(ok, 'a: b', ' \x7f', ''), /control character/],
    ['with white space before its first field', lines(ok, ' a: b', ''), /white space/],
    ['with white space before a colon', lines(ok, 'content-length : 2', ''), /has no name/],
    ['with a field without a colon', lines(ok, 'abc', ''), /has no name: "abc"/],
    ['with a field without a name', lines(ok, ': b', ''), /has no name/],
    ['with two lengths', lines(ok, 'content-length: 2', 'content-length: 3', ''), /two lengths, 2 and 3/],
    ['with a list of two lengths', lines(ok, 'content-length: 2, 3', ''), /two lengths/],
    ['with a negative length', lines(ok, 'content-length: -2', ''), /content-length is "-2"/],
    ['with a length in hexadecimal', lines(ok, 'content-length: 0x2', ''), /content-length is/],
    ['with a length that no number holds', lines(ok, 'content-length: 9999999999999999', ''), /content-length is/],
    ['with an empty length', lines(ok, 'content-length:', ''), /content-length is ""/],
    [
      'with a length and chunks',
      lines(ok, 'content-length: 2', 'transfer-encoding: chunked', ''),
      /content-length and a transfer/,
    ],
    [
      'with two transfer codings',
      lines(ok, 'transfer-encoding: chunked', 'transfer-encoding: chunked', ''),
      /more than one/,
    ],
    ['with gzip before chunked', lines(ok, 'transfer-encoding: gzip, chunked', ''), /not chunked: "gzip, chunked"/],
    ['with an unknown transfer coding', lines(ok, 'transfer-encoding: identity', ''), /not chunked/],
    ['in chunks in HTTP/1.0', lines('HTTP/1.0 200 OK', 'transfer-encoding: chunked', ''), /HTTP\/1.0/],
    ['with a chunk without a size', lines(ok, 'transfer-encoding: chunked', '', ''), /chunk of it has no size/],
    ['with a chunk whose size is no number', lines(ok, 'transfer-encoding: chunked', '', 'xyz'), /no size: "xyz"/],
    ['with a chunk whose size no number holds', lines(ok, 'transfer-encoding: chunked', '', 'f'.repeat(14)), /no size/],
    ['with white space behind the size of a chunk', lines(ok, 'transfer-encoding: chunked', '', '2 '), /extensions/],
    ['with a malformed extension of a chunk', lines(ok, 'transfer-encoding: chunked', '', '2;=a'), /extensions/],
    [
      'with a chunk longer than its size',
      lines(ok, 'transfer-encoding: chunked', '', '2', '{}x'),
      /longer than its size/,
    ],
    ['with a chunk that ends with LF', `${lines(ok, 'transfer-encoding: chunked', '', '2')}{}\n0\r\n\r\n`, /CR LF/],
    ['with a malformed trailer', lines(ok, 'transfer-encoding: chunked', '', '0', 'a b', ''), /has no name/],
    ['with a head that is too long', lines(ok, `a: ${long}`, ''), /longer than 16384 bytes/],
    ['with a head of too many fields', `${lines(ok)}${'a: b\r\n'.repeat(4000)}`, /longer than 16384 bytes/],
    ['with a line without an end', `${ok}${long}`, /longer than 16384 bytes/],
    [
      'with too many bytes in extensions of chunks',
      `${lines(ok, 'transfer-encoding: chunked', '')}${`1;${'x'.repeat(4000)}\r\nx\r\n`.repeat(5)}`,
      /longer/,
    ],
    [
      'with too many trailers',
      `${lines(ok, 'transfer-encoding: chunked', '', '0')}${'a: b\r\n'.repeat(4000)}`,
      /longer/,
    ],
    ['that does not come after 100 interim answers', lines('HTTP/1.1 103 E', '').repeat(101), /never comes/],
  ])('%s', (_, text, message) => {
    const answer = readText(text);
    expect(answer.malformed).toMatch(message);
    expect(answer.whole).toBe(false);
  });

  test.each([
    [' ;', /not chunked/],
    ['\t', /holds a tab/],
  ])('with %j behind "chunked"', (end, message) => {
    expect(readText(lines(ok, `transfer-encoding: chunked${end}`, '', '0', '')).malformed).toMatch(message);
  });
});

describe('an answer that is cut is not whole', () => {
  const texts = [
    `${lines('HTTP/1.1 103 E', '', ok, 'content-type: a', 'content-length: 2', '')}{}`,
    lines(ok, 'transfer-encoding: chunked', '', '2;x=y', '{}', '0', 'a: b', ''),
  ];
  test.each(texts)('%j', (text) => {
    for (let length = 0; length < text.length; length += 1)
      expect(readText(text.slice(0, length))).toMatchObject({ whole: false });
    expect(readText(text)).toMatchObject({ whole: true, reusable: true });
  });
});

describe('what arrives in pieces', () => {
  const texts = [
    `${lines('HTTP/1.1 100 Continue', '', ok, 'Content-Type: application/json', 'x: y', ' z', 'content-length: 9', '')}{"a":123}`,
    lines(ok, 'transfer-encoding: chunked', '', '9;n="v"', '{"a":123}', '1', ' ', '0', 'trailer: 1', ''),
    `${lines(ok, 'content-encoding: gzip', '')}{"a":123}`,
    `${lines(ok, 'content-length: 2', '')}{}{}`,
    lines(ok, 'a: b\x01', ''),
    lines(ok, 'content-length: 1', 'content-length: 2', ''),
  ];

  test.each(texts)('is read as if it came at once, byte by byte: %j', (text) => {
    const pieces = [...Buffer.from(text, 'latin1')].map((byte) => Buffer.of(byte));
    expect(readPieces(pieces)).toEqual(readText(text));
  });

  test('is read as if it came at once, at any cuts', () => {
    assert(
      property(constantFrom(...texts), array(nat(200)), (text, cuts) => {
        const bytes = Buffer.from(text, 'latin1');
        const places = [0, ...cuts.map((cut) => cut % bytes.length), bytes.length].toSorted((a, b) => a - b);
        const pieces = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
        expect(readPieces(pieces.filter(({ length }) => length > 0))).toEqual(readText(text));
      }),
    );
  });
});

describe('a parser', () => {
  test('that is stopped by its receiver calls it no more', () => {
    const text = Buffer.from(`${lines(ok, 'content-length: 4', '')}abcd`);
    for (const at of ['answerHead', 'answerBody'] as const) {
      const parser = new AnswerParser();
      const receiver = new Receiver();
      const calls: string[] = [];
      for (const name of ['answerHead', 'answerBody', 'answerEnded'] as const) {
        receiver[name] = () => {
          calls.push(name);
          if (name === at) parser.stop();
        };
      }
      parser.expect(receiver, false);
      parser.feed(text, text.length);
      expect(calls.at(-1)).toBe(at);
      expect(parser.busy).toBe(false);
    }
  });

  test('reads one answer after the other, and forgets the fields of the one before', () => {
    const parser = new AnswerParser();
    const first = Buffer.from(`${lines(ok, 'content-type: a', 'keep-alive: timeout=5', 'content-length: 1', '')}a`);
    const second = Buffer.from(lines(ok, 'content-length: 0', ''));
    const receivers = [first, second].map((bytes) => {
      const receiver = new Receiver();
      parser.expect(receiver, false);
      parser.feed(bytes, bytes.length);
      return receiver;
    });
    expect(receivers.map(({ reusable }) => reusable)).toEqual([true, true]);
    expect(receivers[1]?.head).toEqual({
      status: 200,
      contentLength: 0,
      untilClose: false,
      contentType: undefined,
      contentEncoding: undefined,
      retryAfter: undefined,
      location: undefined,
    });
    expect(parser.keepAliveSeconds).toBeUndefined();
  });

  test('that is not expecting an answer ends well', () => {
    const parser = new AnswerParser();
    expect(parser.end()).toBe(true);
    parser.feed(Buffer.from('x'), 1);
    expect(parser.busy).toBe(false);
  });
});
