import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineReader } from '../../../src/cli/run/input/line-reader.ts';
import { Journal } from '../../../src/cli/run/lines/journal.ts';
import { Marks } from '../../../src/cli/run/lines/marks.ts';
import { Selection } from '../../../src/cli/run/lines/selection.ts';
import { isControlLine } from '../../../src/wire/control.ts';
import { parseJson } from '../../../src/core/json/json.ts';

const name = fc.constantFrom('$id', '$', '$watermark', '\\u0024x', '_error', '\\u005ferror', '_\\u0065rror', 'a', 'ä');
const space = fc.constantFrom('', ' ', '\t', '  ');
const error = fc.constantFrom(
  '{"code":"timeout","line":1}',
  '{ "code":"timeout"}',
  '{}',
  '"text"',
  '1',
  '[{"code":"x"}]',
);
const member = fc
  .tuple(space, name, space, space, fc.oneof(error, fc.json()))
  .map(([a, key, b, c, value]) => `${a}"${key}"${b}:${c}${value}`);
const record = fc
  .tuple(space, fc.array(member, { maxLength: 4 }), space)
  .map(([a, members, b]) => `${a}{${members.join(',')}${b}}`);
const bytesOf = (text: string): string => Buffer.from(text).toString('latin1');

test('a marked record has the same value, is no control line, and comes back as it was', () => {
  fc.assert(
    fc.property(fc.oneof(record, fc.string()), (text) => {
      fc.pre(!text.includes('\n'));
      const line = bytesOf(text);
      const marks = new Marks(true);
      const marked = marks.marked(line);
      expect(marks.unmarked(marked)).toBe(line);
      if (marked === line) return;
      expect(marks.mayMark(Buffer.from(line, 'latin1'))).toBe(true);
      expect(parseJson(marked)).toEqual(parseJson(line));
      expect(isControlLine(marked)).toBe(false);
    }),
    { numRuns: 5000 },
  );
});

test('an _error of the input never looks like one of the stream', () => {
  const marks = new Marks(true);
  for (const key of ['_error', '\\u005ferror']) {
    const marked = marks.marked(`{"id":1,"${key}":{"code":"timeout","line":1}}`);
    expect(marked).not.toContain('{"code":');
    // A line that failed again has the error of the stream at the same place.
    const again = marked.replace(/\{ "code".*?\}/, '{"code":"unreachable","line":1}');
    expect(marks.unmarked(again)).toBe(`{"id":1,"${key}":{"code":"unreachable","line":1}}`);
  }
});

/** The text in chunks of any size. */
const chunked = fc
  .tuple(
    fc.string({ unit: fc.constantFrom('a', '\n', '\r', 'ä', '\uFEFF', ' '), maxLength: 60 }),
    fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
  )
  .map(([text, sizes]) => {
    const bytes = Buffer.from(text);
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += chunks.at(-1)?.length ?? 0)
      chunks.push(bytes.subarray(at, at + (sizes.next().value ?? 1)));
    return { bytes, chunks };
  });

test('lines are whole, begin where they say, and are the bytes of the input, for any chunks', () => {
  fc.assert(
    fc.property(chunked, ({ bytes, chunks }) => {
      const reader = new LineReader(0, 0, { longestLine: 1000, refuse: false });
      const last = (): ReturnType<LineReader['finish']>[] => [reader.finish()];
      const blocks = [...chunks.flatMap((chunk) => [...reader.push(chunk)]), ...last()].filter(
        (block) => block !== undefined,
      );
      const mark = bytes.indexOf('\uFEFF') === 0 ? 3 : 0;
      const content = bytes.subarray(mark);
      const whole =
        content.length === 0 || content.at(-1) === 0x0a ? content : Buffer.concat([content, Buffer.from('\n')]);
      expect(Buffer.concat(blocks.map((block) => block.bytes)).toString()).toBe(whole.toString());
      for (const block of blocks) {
        const there = Buffer.concat([bytes, Buffer.from('\n')]).subarray(
          block.offset,
          block.offset + block.bytes.length,
        );
        expect(there.toString()).toBe(block.bytes.toString());
        expect(block.bytes.at(-1)).toBe(0x0a);
      }
    }),
    { numRuns: 2000 },
  );
});

test('of a line that is too long the first bytes are kept, and the next line has its place', () => {
  const reader = new LineReader(0, 0, { longestLine: 5, refuse: false });
  const blocks = ['ab\n123456', '789\nxy\n1234567\n', 'z'].flatMap((text) => [...reader.push(Buffer.from(text))]);
  expect(blocks.map(({ bytes, offset, end }) => [bytes.toString(), offset, end])).toEqual([
    ['ab\n', 0, 3],
    ['12345\n', 3, 13],
    ['xy\n1234567\n', 13, 24],
  ]);
  expect(reader.finish()).toMatchObject({ offset: 24, end: 25 });
  const strict = new LineReader(0, 0, { longestLine: 5, refuse: true });
  expect(() => [...strict.push(Buffer.from('1234567'))]).toThrow('longer than');
});

test('a journal keeps the pending lines and those from next on, each with its place', () => {
  const start = { next: { seq: 0, place: { input: 0, offset: 0 } }, pending: [], records: 0 };
  const journal = new Journal(start);
  const selection = new Selection({ limit: Infinity, rate: 1, seed: 0, control: false }, 0, 0);
  const block = (text: string, offset: number) =>
    journal.add(selection.block({ bytes: Buffer.from(text), input: 0, offset, end: offset + text.length }));
  block('a\n\nb\nc\n', 0);
  block('d\ne\n', 7);
  expect(journal.checkpoint({ next: 5, pending: [2] })).toEqual({
    next: { seq: 5, place: { input: 0, offset: 9 } },
    pending: [{ seq: 2, place: { input: 0, offset: 3 } }],
    records: 4,
  });
  expect([0, 1, 2, 3, 4, 5].map((seq) => journal.line(seq)?.toString())).toEqual([
    undefined,
    undefined,
    'b\n',
    undefined,
    undefined,
    'e\n',
  ]);
  expect(() => journal.checkpoint({ next: 4, pending: [] })).toThrow('line 5');
  expect(() => journal.checkpoint({ next: 5, pending: [3] })).toThrow('line 4');
  expect(() => journal.checkpoint({ next: 7, pending: [] })).toThrow('line 8');
  expect(journal.complete()).toMatchObject({
    next: { seq: 6, place: { input: 0, offset: 11 } },
    pending: [],
    records: 5,
  });
});
