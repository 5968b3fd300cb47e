import { expect, test } from 'vitest';
import { newColumn } from '../../../src/wire/json/kept-texts.ts';
import { type Addition, LineAdder } from '../../../src/wire/json/line-adder.ts';
import { MemberTable } from '../../../src/wire/json/member-table.ts';

const mask64 = (1n << 64n) - 1n;
const slots = 128n * 1024n;

/** The first slot of a key: see `hashOf` in `src/wire/assembly/line-additions.ts`. */
function slotOf(column: number, key: string): number {
  const bytes = Buffer.alloc(Math.ceil(key.length / 16) * 16);
  bytes.write(key);
  let hash = (BigInt(column) << 32n) ^ BigInt(key.length);
  for (let at = 0; at < bytes.length; at += 8) {
    const product = ((hash ^ bytes.readBigUInt64LE(at)) * 0x9e3779b97f4a7c15n) & mask64;
    hash = product ^ (product >> 32n);
  }
  return Number((hash >> 32n) % slots);
}

/** Keys whose search begins at this slot. */
function keysAt(slot: number, column: number, count: number): readonly string[] {
  const keys: string[] = [];
  for (let number = 0; keys.length < count; number += 1) {
    const key = `"k${number}"`;
    if (slotOf(column, key) === slot) keys.push(key);
  }
  return keys;
}

const members = new MemberTable(['k', 'x']);
const block = Buffer.from('{"k":"a"}\n{"k":"b"}\n{"k":"a"}\n');

function adderOf(addition: Addition): LineAdder {
  const adder = LineAdder.of(members, [addition]);
  if (adder === undefined) throw new Error('the names are too many');
  return adder;
}

test('each line gets the text of its key, behind the text that was there before', () => {
  const asked: string[] = [];
  const adder = adderOf({
    key: 0,
    place: 1,
    column: newColumn(),
    textOf(source) {
      asked.push(source);
      return { text: `,"x":${source}`, isMiss: source === '"b"' };
    },
  });
  const { output, lines, missed, kept, end, leftEnd } = adder.add(block, 0, 'add', 'before\n');
  expect(output.toString()).toBe('before\n{"k":"a","x":"a"}\n{"k":"b","x":"b"}\n{"k":"a","x":"a"}\n');
  expect({ lines, missed, kept, end, leftEnd, asked }).toEqual({
    lines: 3,
    missed: 1,
    kept: 2,
    end: block.length,
    leftEnd: block.length,
    asked: ['"a"', '"b"'],
  });
});

test('leaves a line whose texts replace each other', () => {
  const [left, right] = [newColumn(), newColumn()];
  let searches = 0;
  const addition = (key: number, place: number, column: number): Addition => ({
    key,
    place,
    column,
    textOf() {
      searches += 1;
      return { text: `,"t${key}":1`, isMiss: false };
    },
  });
  const adder = LineAdder.of(new MemberTable(['a', 'b', 't0', 't1']), [addition(0, 2, left), addition(1, 3, right)]);
  // Eight keys take all the slots that are searched; then each key replaces the first of them.
  const keys = keysAt(77, left, 9);
  const [other] = keysAt(77, right, 1);
  const full = keys.slice(0, 8).map((key) => `{"a":${key},"b":"x"}\n`);
  const first = adder?.add(Buffer.from(full.join('')), 0, 'add', '');
  expect(first).toMatchObject({ lines: 8, kept: 9 });
  expect(first?.output.toString()).toBe(full.map((line) => line.replace('}', ',"t0":1,"t1":1}')).join(''));

  searches = 0;
  const line = `{"a":${keys[8]},"b":${other}}\n`;
  const next = '{"a":"y","b":"x"}\n';
  const second = adder?.add(Buffer.from(line + next), 0, 'add', '');
  expect(second).toMatchObject({ lines: 0, end: 0, leftEnd: line.length });
  expect(searches).toBe(2);
}, 30_000);
