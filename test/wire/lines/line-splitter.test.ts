import { runInNewContext } from 'node:vm';
import { setFlagsFromString } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { coded } from '../coding/bodies.ts';
import type { BadLine } from '../../../src/wire/lines/bad-line.ts';
import { LineSplitter } from '../../../src/wire/lines/line-splitter.ts';

function splitter(lineBytes = 1024, delimiter: 'lf' | 'rs' = 'lf'): LineSplitter {
  return new LineSplitter({ lineBytes, delimiter });
}

/** A chunk that shares its memory with no other bytes. */
function ownChunk(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(text.length);
  bytes.write(text);
  return bytes;
}

function drain(lines: LineSplitter): (string | BadLine)[] {
  const given: (string | BadLine)[] = [];
  for (let line = lines.next(); line !== undefined; line = lines.next()) given.push(line);
  return given;
}

function* texts(lines: LineSplitter): Generator<string> {
  for (let line = lines.next(); line !== undefined; line = lines.next()) if (typeof line === 'string') yield line;
}

function split(
  chunks: readonly (string | Uint8Array)[],
  lineBytes?: number,
  delimiter?: 'lf' | 'rs',
): (string | BadLine)[] {
  const lines = splitter(lineBytes, delimiter);
  const given: (string | BadLine)[] = [];
  for (const chunk of chunks) {
    lines.push(Buffer.from(chunk));
    given.push(...drain(lines));
  }
  lines.end();
  return [...given, ...drain(lines)];
}

function sequence(...chunks: readonly (string | Uint8Array)[]): (string | BadLine)[] {
  return split(chunks, 64, 'rs');
}

describe('lines', () => {
  test('end with LF or CRLF, the last one also without', () => {
    expect(split(['{"a":1}\n{"a":2}\r\n{"a":3}'])).toEqual(['{"a":1}', '{"a":2}', '{"a":3}']);
  });

  test('are the same when CR and LF come in different chunks', () => {
    expect(split(['{}\r', '\n{}', '\r\n'])).toEqual(['{}', '{}']);
  });

  test('lose one CR before LF, not two, and none inside', () => {
    expect(split(['a\rb\r\r\n'])).toEqual(['a\rb\r']);
  });

  test('that are blank are skipped but counted', () => {
    const lines = splitter();
    lines.push(Buffer.from('\n{}\n \t\r\n\r\n{}\n\n'));
    const seqs: number[] = [];
    while (lines.next() !== undefined) seqs.push(lines.seq);
    expect(seqs).toEqual([1, 4]);
    expect(lines.lines).toBe(6);
  });

  test('keep white space around a record', () => {
    expect(split(['  {} \n\t{}\n'])).toEqual(['  {} ', '\t{}']);
  });

  test('are given as soon as their LF has come', () => {
    const lines = splitter();
    lines.push(Buffer.from('{"a":1}\n{"b"'));
    expect(drain(lines)).toEqual(['{"a":1}']);
    lines.push(Buffer.from(':2}\n'));
    expect(drain(lines)).toEqual(['{"b":2}']);
  });

  test('may be cut inside a character', () => {
    const bytes = Buffer.from('{"a":"é漢\u{1f6eb}"}\n');
    expect(split([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(['{"a":"é漢\u{1f6eb}"}']);
  });

  test('are read from a Uint8Array that is a part of a larger buffer', () => {
    const lines = splitter();
    lines.push(new Uint8Array(Buffer.from('xx{}\nyy')).subarray(2, 5));
    expect(drain(lines)).toEqual(['{}']);
  });

  test('of a chunk larger than a block are all returned', () => {
    const all = Array.from({ length: 20_000 }, (_, index) => `{"index":${index}}`);
    expect(split([`${all.join('\n')}\n`])).toEqual(all);
  });

  test('are none in an input that is empty, blank, or a byte-order mark', () => {
    expect(split([])).toEqual([]);
    expect(split(['', '\n', ' '])).toEqual([]);
    expect(split(['\ufeff'])).toEqual([]);
  });

  test('cannot be lost by pushing too early', () => {
    const lines = splitter();
    lines.push(Buffer.from('{}\n{}\n'));
    lines.next();
    expect(() => lines.push(Buffer.from('{}\n'))).toThrow('push() before next() gave undefined');
    drain(lines);
    lines.end();
    expect(() => lines.push(Buffer.from('{}\n'))).toThrow('push() after end()');
  });
});

describe('the memory of a chunk', () => {
  test('is free when its lines are read, and it holds only parts of lines', () => {
    const lines = splitter(8);
    const chunks = ['{"a":', '1}\n{"b', '":"too long', ' and more', '\n', '\n'].map((text) => ownChunk(text));
    const read = chunks.flatMap((bytes) => {
      lines.push(bytes);
      return drain(lines);
    });
    expect(read).toMatchObject(['{"a":1}', { code: 'line_too_long' }]);
    expect(chunks.map(({ length }) => length)).toEqual([0, 0, 0, 0, 0, 1]);
  });

  test('is kept while lines refer to it, and until the last line is read', () => {
    const lines = splitter();
    const bytes = ownChunk('{}\n{"part');
    lines.push(bytes);
    expect(lines.next()).toBe('{}');
    const { ascii } = lines;
    expect(drain(lines)).toEqual([]);
    expect(ascii?.toString()).toBe('{}\n');
  });

  test('is copied for a line that comes in parts, also while other lines come in parts', () => {
    const lines = splitter();
    const found: string[] = [];
    const bytes: Buffer[] = [];
    for (const part of ['{"a"', ':1}\n{"b', '":2}\r\n', '{"c":"é', '"}\n']) {
      lines.push(Buffer.from(part));
      for (const line of texts(lines)) {
        found.push(line);
        if (lines.ascii !== undefined) bytes.push(lines.ascii.subarray(lines.lineStart, lines.lineStart + line.length));
      }
    }
    expect(found).toEqual(['{"a":1}', '{"b":2}', '{"c":"é"}']);
    expect(bytes.map(String)).toEqual(['{"a":1}', '{"b":2}']);
  });

  test('has no copy for a JSON text of a sequence, whose line breaks are removed later', () => {
    const lines = splitter(64, 'rs');
    lines.push(Buffer.from('\u001e{"a":\n1}\n\u001e'));
    expect(lines.next()).toBe('{"a":\n1}');
    expect(lines.ascii).toBeUndefined();
  });

  test('is kept if other bytes are in it', () => {
    const lines = splitter();
    const both = ownChunk('{"part of a line":{"other"');
    lines.push(both.subarray(0, 18));
    expect(drain(lines)).toEqual([]);
    expect(both.toString()).toBe('{"part of a line":{"other"');
  });
});

describe('a byte-order mark', () => {
  const mark = Buffer.from('\ufeff');

  test('is removed from the start of the stream, also in parts', () => {
    expect(split([mark, '{}\n'])).toEqual(['{}']);
    expect(
      split([mark.subarray(0, 1), mark.subarray(1, 2), Buffer.concat([mark.subarray(2), Buffer.from('{}\n')])]),
    ).toEqual(['{}']);
  });

  test('is kept if it is not at the start of the stream', () => {
    expect(split(['{}\n\ufeff{}\n'])).toEqual(['{}', '\ufeff{}']);
    expect(split(['\ufeff\ufeff{}\n'])).toEqual(['\ufeff{}']);
  });

  test('that is incomplete belongs to the first line', () => {
    expect(split([mark.subarray(0, 2), '{}\n{}\n'])).toMatchObject([{ code: 'invalid_utf8', input: '\ufffd{}' }, '{}']);
    expect(split([mark.subarray(0, 2)])).toMatchObject([{ code: 'invalid_utf8' }]);
  });
});

describe('a line that is not UTF-8', () => {
  test.each(['gzip', 'zstd'] as const)('and begins as %s does says which header is missing', (coding) => {
    const [line] = split([coded[coding]('{"a":1}\n{"b":2}\n')]);
    expect(line).toMatchObject({
      code: 'invalid_utf8',
      message: expect.stringContaining(
        `its first bytes are those of ${coding}: over HTTP, send Content-Encoding: ${coding}`,
      ),
    });
  });

  test('is reported in its place, and does not spoil its neighbours', () => {
    const bytes = Buffer.concat([
      Buffer.from('{"a":"é"}\n{"b":"'),
      Buffer.from([0xc3]),
      Buffer.from('"}\n{"c":"é"}\n'),
    ]);
    expect(split([bytes])).toEqual([
      '{"a":"é"}',
      {
        code: 'invalid_utf8',
        message: 'the line is not UTF-8 from byte 7 on: send JSON encoded as UTF-8',
        input: '{"b":"\ufffd"}',
      },
      '{"c":"é"}',
    ]);
  });

  test.each([
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['an overlong form', [0xc0, 0x80]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a lone continuation', [0x80]],
    ['half a character', [0xf0, 0x9f]],
  ])('is one that holds %s', (_, bytes) => {
    expect(split([Uint8Array.from(bytes)])).toMatchObject([{ code: 'invalid_utf8' }]);
  });

  test('shows its first 256 bytes, cut between characters', () => {
    const line = Buffer.concat([Buffer.from(`${'x'.repeat(255)}é`), Buffer.from([0xff, 0x0a])]);
    expect(split([line])).toMatchObject([{ code: 'invalid_utf8', input: 'x'.repeat(255) }]);
  });
});

describe('a line over the limit', () => {
  const tooLong = {
    code: 'line_too_long',
    message: 'the line is longer than limits.lineBytes, which is 8: it was skipped',
  };

  test('is one with a byte more than the limit, its terminator not counted', () => {
    expect(split(['12345678\n12345678\r\n123456789\nabc\n12345678\r'], 8)).toEqual([
      '12345678',
      '12345678',
      { ...tooLong, input: '12345678' },
      'abc',
      '12345678',
    ]);
  });

  test('is measured in bytes, not in characters', () => {
    expect(split(['éééé\nééééé\n'], 8)).toEqual(['éééé', { ...tooLong, input: 'éééé' }]);
  });

  test('is reported as soon as it is known, and counted once', () => {
    const lines = splitter(8);
    lines.push(Buffer.from('{}\n123456789'));
    expect(drain(lines)).toMatchObject(['{}', tooLong]);
    const given: (string | BadLine)[] = [];
    for (const rest of ['more', 'and more', '!\n{}\n']) {
      lines.push(Buffer.from(rest));
      given.push(...drain(lines));
    }
    expect(given).toEqual(['{}']);
    expect(lines.seq).toBe(2);
  });

  test('that never ends is one line', () => {
    expect(split(['123456789', '123456789', '123456789'], 8)).toMatchObject([tooLong]);
  });

  test('of 100 MB is skipped in constant memory', () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const held = () => {
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const lines = splitter(1024 * 1024);
    lines.push(Buffer.from('{"first":1}\n{"long":"'));
    const given = drain(lines);
    const before = held();
    let most = 0;
    for (let chunk = 0; chunk < 1600; chunk++) {
      lines.push(Buffer.alloc(64 * 1024, 'x'));
      given.push(...drain(lines));
      if (chunk % 100 === 0) most = Math.max(most, held() - before);
    }
    expect(most).toBeLessThan(16 * 1024 * 1024);
    lines.push(Buffer.from('"}\n{"last":1}\n'));
    given.push(...drain(lines));
    expect(given).toMatchObject([
      '{"first":1}',
      { code: 'line_too_long', input: `{"long":"${'x'.repeat(247)}` },
      '{"last":1}',
    ]);
    expect(lines.lines).toBe(3);
  });
});

describe('a JSON text sequence', () => {
  test('gives each text, line breaks inside it included', () => {
    expect(sequence('\u001e{"a":1}\n\u001e{\n  "b": "}\\"",\r\n  "c": [\n]\n}\n')).toEqual([
      '{"a":1}',
      '{\n  "b": "}\\"",\r\n  "c": [\n]\n}',
    ]);
  });

  test('gives a text as soon as its last LF has come, not when the next one begins', () => {
    const lines = splitter(64, 'rs');
    lines.push(Buffer.from('\u001e{\n"a":1}\n'));
    expect(drain(lines)).toEqual(['{\n"a":1}']);
  });

  test('goes on at the next RS after a text that is broken or cut off', () => {
    expect(sequence('\u001e{"a":"\n\u001e{"b":2}\n\u001e{"c":\u001e{"d":4}\n\u001e]]\n\u001e{"e":5}')).toEqual([
      '{"a":"\n',
      '{"b":2}',
      '{"c":',
      '{"d":4}',
      ']]',
      '{"e":5}',
    ]);
  });

  test('counts an empty text, and skips it', () => {
    const lines = splitter(64, 'rs');
    lines.push(Buffer.from('\u001e{}\n\u001e\n\u001e\u001e{}\n'));
    const seqs: number[] = [];
    while (lines.next() !== undefined) seqs.push(lines.seq);
    expect(seqs).toEqual([0, 3]);
  });

  test('reads texts whose RS was left out', () => {
    expect(sequence('{"a":1}\n{"b":2}\n\n', '{"c":3}\n')).toEqual(['{"a":1}', '{"b":2}', '{"c":3}']);
  });

  test('holds the limit and the encoding for each text', () => {
    const long = `{"a":"${'x'.repeat(100)}"}`;
    expect(
      sequence('\u001e{}\n\u001e', long, '\n\u001e{"b":2}\n\u001e', Uint8Array.of(0xff), '\n\u001e{}\n'),
    ).toMatchObject(['{}', { code: 'line_too_long' }, '{"b":2}', { code: 'invalid_utf8' }, '{}']);
  });
});
