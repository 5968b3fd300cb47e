import { MalformedAnswer } from '../../../../src/connectors/http/client/malformed-answer.ts';
import { array, assert, constantFrom, nat, property } from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { AnswerParser } from '../../../../src/connectors/http/client/answer-parser.ts';
import { cutAnswers, lines, ok, refusedAnswers, takenAnswers } from './answer-cases.ts';
import { readPieces, readText, Receiver } from './read-answer.ts';

describe('an answer is read', () => {
  test.each(takenAnswers)('%s', (_, text, expected) => {
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
  test.each(refusedAnswers)('%s', (_, text, message) => {
    const answer = readText(text);
    expect(answer.malformed).toMatch(message);
    expect(answer.whole).toBe(false);
  });
});

describe('an answer that is cut is not whole', () => {
  test.each(cutAnswers)('%j', (text) => {
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

  test('is copied once, however small the pieces are: the work for a head grows with its bytes', () => {
    const copy = vi.spyOn(Buffer.prototype, 'copy');
    onTestFinished(() => copy.mockRestore());
    for (const length of [4000, 16_000]) {
      copy.mockClear();
      const text = lines(ok, `a: ${'x'.repeat(length)}`, 'content-length: 0', '');
      const pieces = [...Buffer.from(text)].map((byte) => Buffer.of(byte));
      expect(readPieces(pieces)).toMatchObject({ whole: true, reusable: true });
      const copied = copy.mock.calls.reduce((sum, [, , from, to]) => sum + Number(to) - Number(from), 0);
      // All but the line feeds.
      expect([copied, copy.mock.calls.length]).toEqual([text.length - 4, text.length]);
    }
  });

  // Pieces of one byte go through the parser alone, a whole head mostly through the scan of fields.
  test('is read by the scan of its fields as by the parser, whatever its lines are', () => {
    const line = constantFrom(
      'content-type: application/json',
      `Content-Type: ${'x'.repeat(65)}`,
      'content-length: 9',
      'content-length:9 ',
      'content-length: 09',
      'CONTENT-LENGTH:   9   ',
      'content-length: 8',
      'connection: keep-alive',
      'connection: close',
      'keep-alive:\ttimeout=7',
      'retry-after: 1\t',
      ' folded',
      '\tfolded',
      'empty:',
      'spaces:    ',
      `long: ${'y'.repeat(700)}`,
      `${'n'.repeat(40)}: a name that no field has`,
      'latin: \xe9\xff',
      'a space before : x',
      'no colon',
      ': no name',
      'control: \x01',
      'delete: \x7f',
      'return: a\rb',
      'brackets(): x',
      "every-!#$%&'*+-.^_`|~09AZaz: x",
    );
    assert(
      property(array(line, { maxLength: 8 }), array(line, { maxLength: 2 }), ([first, ...more], last) => {
        const head = lines(ok, ...(first === undefined ? [] : [first, ...more]), 'content-length: 9', ...last, '');
        const text = `${head}{"a":123}`;
        const pieces = [...Buffer.from(text, 'latin1')].map((byte) => Buffer.of(byte));
        expect(readText(text)).toEqual(readPieces(pieces));
      }),
      { numRuns: 2000 },
    );
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

  test.each(['{"a":1}', 'HTTP/2', 'H2', '\x15\x03\x01'])(
    'that has read %j when the stream ends says that it is not HTTP',
    (text) => {
      const parser = new AnswerParser();
      parser.expect(new Receiver(), false);
      parser.feed(Buffer.from(text), text.length);
      expect(() => parser.end()).toThrow(MalformedAnswer);
    },
  );

  test.each(['H', 'HTTP/1.', 'HTTP/1.1 2'])('that has read %j when the stream ends has a cut answer', (text) => {
    const parser = new AnswerParser();
    parser.expect(new Receiver(), false);
    parser.feed(Buffer.from(text), text.length);
    expect(parser.end()).toBe(false);
  });

  test('that reads the fields of caching joins lists, and takes the first of the others', () => {
    const fields = [
      'cache-control: max-age=60',
      'Age: 5',
      'date: Sat, 28 Nov 2026 00:00:00 GMT',
      'ETag: "a"',
      'expires: 0',
      'last-modified: Fri, 27 Nov 2026 00:00:00 GMT',
      'vary: accept',
      'Cache-Control: public',
      'vary: origin',
      'etag: "b"',
      'age: 6',
    ];
    const bytes = Buffer.from(lines(ok, 'content-length: 0', ...fields, ''));
    const plain = Buffer.from(lines(ok, 'content-length: 0', ''));
    const heads = [true, false].map((caching) => {
      const parser = new AnswerParser(caching);
      return [bytes, plain].map((answer) => {
        const receiver = new Receiver();
        parser.expect(receiver, false);
        parser.feed(answer, answer.length);
        return receiver.head?.caching;
      });
    });
    const read = {
      'cache-control': 'max-age=60, public',
      age: '5',
      date: 'Sat, 28 Nov 2026 00:00:00 GMT',
      etag: '"a"',
      expires: '0',
      'last-modified': 'Fri, 27 Nov 2026 00:00:00 GMT',
      vary: 'accept, origin',
    };
    expect(heads).toEqual([
      [read, undefined],
      [undefined, undefined],
    ]);
  });

  test('that is not expecting an answer ends well', () => {
    const parser = new AnswerParser();
    expect(parser.end()).toBe(true);
    parser.feed(Buffer.from('x'), 1);
    expect(parser.busy).toBe(false);
  });
});
