import { isUtf8 } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineSplitter } from '../../../src/wire/lines/line-splitter.ts';
import { anywhere, inLine, jsonSource } from '../json/json-source.ts';

interface Given {
  readonly seq: number;
  readonly what: string;
}

/** Every line or code, with its place. */
function split(bytes: Uint8Array, cuts: readonly number[], lineBytes: number, delimiter: 'lf' | 'rs'): Given[] {
  const lines = new LineSplitter({ lineBytes, delimiter });
  const given: Given[] = [];
  const drain = () => {
    for (let line = lines.next(); line !== undefined; line = lines.next()) {
      given.push({ seq: lines.seq, what: typeof line === 'string' ? `= ${line}` : `${line.code}: ${line.input}` });
    }
  };
  let from = 0;
  for (const cut of [...cuts.map((part) => part % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)) {
    // A copy that is overwritten after use: the splitter must not keep bytes of a chunk.
    const chunk = Buffer.from(bytes.subarray(from, cut));
    lines.push(chunk);
    drain();
    chunk.fill(0x21);
    from = cut;
  }
  lines.end();
  drain();
  return given;
}

/** The meaning of splitting, in its simplest form. */
function reference(bytes: Buffer, lineBytes: number): Given[] {
  let rest = bytes.subarray(0, 3).equals(Buffer.from('\ufeff')) ? bytes.subarray(3) : bytes;
  const given: Given[] = [];
  for (let seq = 0; rest.length > 0; seq++) {
    const newline = rest.indexOf(0x0a);
    let line = newline === -1 ? rest : rest.subarray(0, newline);
    rest = newline === -1 ? rest.subarray(rest.length) : rest.subarray(newline + 1);
    if (line.at(-1) === 0x0d) line = line.subarray(0, -1);
    const text = line.toString();
    if (line.length > lineBytes) given.push({ seq, what: 'line_too_long' });
    else if (!isUtf8(line)) given.push({ seq, what: 'invalid_utf8' });
    else if (!/^[ \t\r]*$/.test(text)) given.push({ seq, what: `= ${text}` });
  }
  return given;
}

function withoutInput(given: readonly Given[]): Given[] {
  return given.map(({ seq, what }) => ({ seq, what: what.startsWith('= ') ? what : what.slice(0, what.indexOf(':')) }));
}

const cuts = fc.array(fc.nat(100_000), { maxLength: 12 });
const pieces = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .constantFrom('\n', '\r\n', '\r', ' ', '{"a":1}\n', 'é', '\u{1f6eb}', 'abc', '\ufeff', '\u001e')
      .map((text) => Buffer.from(text)),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.nat(40).map((length) => Buffer.alloc(length, 'x')) },
);
const soup = fc.array(pieces, { maxLength: 40 }).map((parts) => Buffer.concat(parts));
const limits = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(100_000));

describe('splitting', () => {
  test('gives for any bytes, in any chunks, the result of a plain reading', () => {
    fc.assert(
      fc.property(soup, cuts, limits, (bytes, at, lineBytes) => {
        expect(withoutInput(split(bytes, at, lineBytes, 'lf'))).toEqual(reference(bytes, lineBytes));
      }),
      { numRuns: 5000 },
    );
  });

  test.each(['lf', 'rs'] as const)('does not depend on the chunks, to the last byte of an error (%s)', (delimiter) => {
    fc.assert(
      fc.property(soup, cuts, limits, (bytes, at, lineBytes) => {
        expect(split(bytes, at, lineBytes, delimiter)).toEqual(split(bytes, [], lineBytes, delimiter));
      }),
      { numRuns: 3000 },
    );
  });

  test('gives every line back, byte for byte', () => {
    fc.assert(
      fc.property(fc.array(jsonSource(inLine).object, { maxLength: 20 }), cuts, (records, at) => {
        const given = split(Buffer.from(records.map((record) => `${record}\n`).join('')), at, 100_000, 'lf');
        expect(given.map(({ what }) => what)).toEqual(records.map((record) => `= ${record}`));
      }),
    );
  });

  test('gives every text of a sequence back, byte for byte', () => {
    fc.assert(
      fc.property(fc.array(jsonSource(anywhere).object, { maxLength: 20 }), cuts, (records, at) => {
        const given = split(
          Buffer.from(records.map((record) => `\u001e${record.trim()}\n`).join('')),
          at,
          100_000,
          'rs',
        );
        expect(given.map(({ what }) => what)).toEqual(records.map((record) => `= ${record.trim()}`));
      }),
    );
  });
});
