import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonKind } from '../../../src/wire/json/json-memory.ts';
import { MemberScan, type MemberSpans } from '../../../src/wire/json/member-scan.ts';
import { MemberTable } from '../../../src/wire/json/member-table.ts';

const isJson = (bytes: Buffer): boolean => jsonKind(bytes, 0, bytes.length) !== 0;

/** A block as a LineSplitter makes it: lines that end with LF, and the start of each line. */
interface Block {
  readonly bytes: Buffer;
  readonly lines: readonly { readonly text: string; readonly start: number }[];
}

const names = ['a', 'b', 'origin', 'a name of more than sixteen bytes', 'a name of more than sixteen bytex', ''];

function blockOf(texts: readonly string[], before = 0): Block {
  const outer = Buffer.from(`${'#'.repeat(before)}${texts.map((text) => `${text}\n`).join('')}`);
  let start = 0;
  const lines = texts.map((text) => {
    const line = { text, start };
    start += text.length + 1;
    return line;
  });
  return { bytes: outer.subarray(before), lines };
}

/** The source of each wanted member, and whether it is a string without escapes; or that the line is refused. */
type Found = readonly (readonly [source: string, isPlain: boolean] | undefined)[] | 'refused';

function found(scan: MemberScan, wanted: readonly string[], bytes: Buffer, text: string, start: number): Found {
  const spans = scan.read(bytes, start, start + text.length);
  if (spans === undefined) return 'refused';
  return wanted.map((_, index) => {
    const from = spans.start(index);
    return from < 0 ? undefined : [text.slice(from, spans.end(index)), spans.isPlainString(index)];
  });
}

/** The same by the parser, for a text that JSON.stringify has made. */
function parsed(wanted: readonly string[], text: string): Found {
  const record: Record<string, unknown> = JSON.parse(text);
  return wanted.map((name) => {
    if (!Object.hasOwn(record, name)) return undefined;
    const source = JSON.stringify(record[name]);
    return [source, typeof record[name] === 'string' && !source.includes('\\')];
  });
}

/** Without `__proto__`, which JSON.parse and an object literal treat differently. */
const member = fc.tuple(fc.constantFrom(...names, 'other', 'c'), fc.jsonValue({ depthSize: 'small', maxDepth: 3 }));
const line = fc
  .array(member, { maxLength: 8 })
  .map((members) => JSON.stringify(Object.fromEntries(members)))
  .filter((text) => Buffer.byteLength(text) === text.length);

describe('a block', () => {
  test('lines of several blocks are found by several scans, whatever the order they are read in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(line, { minLength: 1, maxLength: 30 }), fc.nat(40)), { minLength: 1, maxLength: 4 }),
        fc.array(fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }), { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { maxLength: 40 }),
        (sources, wanted, jumps) => {
          const blocks = sources.map(([texts, before]) => blockOf(texts, before));
          const scans = wanted.map((few) => new MemberScan(new MemberTable(few)));
          const read = (block: number, at: number, scanned: number): void => {
            const { bytes, lines } = blocks[block % blocks.length] as Block;
            const { text, start } = lines[at % lines.length] as Block['lines'][number];
            const index = scanned % scans.length;
            const few = wanted[index] as string[];
            expect(found(scans[index] as MemberScan, few, bytes, text, start)).toEqual(parsed(few, text));
          };
          for (const jump of jumps) read(...jump);
          for (let block = 0; block < blocks.length; block++) for (let at = 0; at < 30; at++) read(block, at, block);
        },
      ),
      { numRuns: 100 },
    );
  });

  test.each([1, 2, 15, 16, 17, 200, 1000, 1023, 1024, 5000, 65_000])(
    'of 64 KiB, its lines %i bytes longer than empty ones, is read to its last byte',
    (length) => {
      const text = JSON.stringify({ note: 'x'.repeat(length), a: 1 });
      const count = Math.floor(65_536 / (text.length + 1));
      const { bytes, lines } = blockOf(Array<string>(count).fill(text));
      const scan = new MemberScan(new MemberTable(['a']));
      const expected = parsed(['a'], text);
      for (let turn = 0; turn < 2; turn++)
        for (const { start } of lines) expect(found(scan, ['a'], bytes, text, start)).toEqual(expected);
      // And backwards, so that no line continues the block.
      for (const { start } of lines.toReversed()) expect(found(scan, ['a'], bytes, text, start)).toEqual(expected);
    },
  );

  test('a line that fills the memory is read, and a longer line is left to the parser', () => {
    const scan = new MemberScan(new MemberTable(['a']));
    const [fits, longer] = [65_535, 65_536].map((bytes) => `{"a":"${'x'.repeat(bytes - 8)}"}`) as [string, string];
    expect(found(scan, ['a'], Buffer.from(fits), fits, 0)).toEqual(parsed(['a'], fits));
    expect(scan.read(Buffer.from(longer), 0, longer.length)).toBeUndefined();
    expect(found(scan, ['a'], Buffer.from('{"a":1}'), '{"a":1}', 0)).toEqual(parsed(['a'], '{"a":1}'));
  });

  test('a line without its end is refused, whatever the memory held before or holds behind it', () => {
    const scan = new MemberScan(new MemberTable(['a']));
    const text =
      '{"a": "b\\n", "n": -1.5e3, "deep": [{"x": [true, null]}], "long": "0123456789abcdef0123456789abcdef"}';
    for (let cut = 0; cut < text.length; cut++) {
      expect(scan.read(Buffer.from(text), 0, text.length)).toBeDefined();
      expect(scan.read(Buffer.from(text.slice(0, cut)), 0, cut)).toBeUndefined();
      expect(scan.read(Buffer.from(text), 0, cut)).toBeUndefined();
      expect(scan.read(Buffer.from(`${text.slice(0, cut)}\n${text}`), 0, cut)).toBeUndefined();
      expect(isJson(Buffer.from(text.slice(0, cut)))).toBe(false);
    }
    const endless = Buffer.alloc(65_535, '"'.padEnd(65_535, 'x')).fill('{"a', 0, 3);
    expect(scan.read(endless, 0, endless.length)).toBeUndefined();
    expect(scan.read(Buffer.alloc(65_535, ' '), 0, 65_535)).toBeUndefined();
    expect(scan.read(Buffer.from(`{"a":${'1'.repeat(65_000)}`), 0, 65_005)).toBeUndefined();
  });
});

describe('spans', () => {
  test('hold while other scans read, until the next line that their own scan reads', () => {
    const [first, second] = [new MemberScan(new MemberTable(['a'])), new MemberScan(new MemberTable(['b', 'a']))];
    const spans = first.read(Buffer.from('{"a":1}'), 0, 7) as MemberSpans;
    expect(second.read(Buffer.from('{"b":2,"x":3,"a":4}'), 0, 19)?.start(1)).toBe(17);
    expect(second.read(Buffer.from('{}'), 0, 2)?.start(1)).toBe(-1);
    expect([spans.start(0), spans.end(0)]).toEqual([5, 6]);
    expect(first.read(Buffer.from('{"a" : 1}'), 0, 9)).toBe(spans);
    expect([spans.start(0), spans.end(0)]).toEqual([7, 8]);
  });

  test('of the line before stay as they are if a line is refused', () => {
    const scan = new MemberScan(new MemberTable(['a']));
    const spans = scan.read(Buffer.from('{"a":1}'), 0, 7) as MemberSpans;
    expect(scan.read(Buffer.from('  {"a":1'), 0, 8)).toBeUndefined();
    expect(spans.start(0)).toBe(5);
  });
});

describe('names', () => {
  test('are found whatever their length and bytes, and never confused', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 20 }), (all) => {
        const plain = all.filter((name) => JSON.stringify(name) === `"${name}"` && name.isWellFormed());
        const scan = new MemberScan(new MemberTable(plain));
        const written = plain.filter((_, index) => index % 2 === 0);
        const text = `{${written.map((name, index) => `"${name}":${index}`).join()}}`;
        const bytes = Buffer.from(text);
        const spans = scan.read(bytes, 0, bytes.length) as MemberSpans;
        for (const index of plain.keys()) {
          const value = bytes.toString('latin1', Math.max(0, spans.start(index)), Math.max(0, spans.end(index)));
          expect(value).toBe(index % 2 === 0 ? String(index / 2) : '');
        }
      }),
      { numRuns: 300 },
    );
  });

  test('that share their first sixteen bytes, or differ in one, are different names', () => {
    for (const length of [1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129]) {
      const name = 'x'.repeat(length);
      for (let at = 0; at < length; at++) {
        const other = `${name.slice(0, at)}y${name.slice(at + 1)}`;
        const text = `{"${other}":1,"${name}x":2,"${name.slice(1)}":3}`;
        const scan = new MemberScan(new MemberTable([name, other]));
        const spans = scan.read(Buffer.from(text), 0, text.length);
        expect([spans?.start(0), spans?.start(1)]).toEqual([-1, length + 4]);
      }
    }
  });

  test('so many that they do not fit leave every line to the parser, and other scans as they are', () => {
    const [few, many] = [['a'], Array.from({ length: 3000 }, (_, index) => `name ${index}`)];
    const [small, large] = [new MemberScan(new MemberTable(few)), new MemberScan(new MemberTable(many))];
    const bytes = Buffer.from('{"a":1}');
    expect(found(small, few, bytes, '{"a":1}', 0)).toEqual(parsed(few, '{"a":1}'));
    expect(large.read(bytes, 0, 7)).toBeUndefined();
    expect(found(small, few, bytes, '{"a":1}', 0)).toEqual(parsed(few, '{"a":1}'));
  });
});
