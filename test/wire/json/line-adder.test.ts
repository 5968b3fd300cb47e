import { expect, test } from 'vitest';
import { newColumn } from '../../../src/wire/json/kept-texts.ts';
import { type Addition, LineAdder } from '../../../src/wire/json/line-adder.ts';
import { MemberTable } from '../../../src/wire/json/member-table.ts';

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

test('a line whose text is not found after it was kept is left, and does not hold up the others', () => {
  const adder = adderOf({
    key: 0,
    place: 1,
    textOf: (source) => ({ text: `,"x":${source}`, isMiss: false }),
    // Each text is kept in a column that no line uses, as if another one had taken its place.
    get column() {
      return newColumn();
    },
  });
  const { lines, end, leftEnd } = adder.add(block, 0, 'add', '');
  expect({ lines, end, leftEnd }).toEqual({ lines: 0, end: 0, leftEnd: 10 });
});
