import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CallTable, type ListedCall } from '../../../src/lookup/coalesce/call-table.ts';

class Call implements ListedCall<Call> {
  readonly key: string;
  readonly hash: number;
  next: Call | undefined = undefined;

  constructor(key: string, hash: number) {
    this.key = key;
    this.hash = hash;
  }
}

const long = 'x'.repeat(200);
const key = fc.oneof(fc.constantFrom('', 'a', 'b', 'ab', 'ba', long, `${long}y`), fc.string({ maxLength: 3 }));
const steps = fc.array(fc.record({ key, removes: fc.boolean() }), { maxLength: 400 });

test('a table finds what a list finds: the last call added with the key, until it is removed', () => {
  fc.assert(
    fc.property(fc.integer(), steps, (seed, all) => {
      const table = new CallTable<Call>(seed);
      const list: Call[] = [];
      for (const { key: wanted, removes } of all) {
        const hash = table.hashOf(wanted);
        const expected = list.findLast((call) => call.key === wanted);
        expect(table.find(wanted, hash)).toBe(expected);
        if (removes && expected !== undefined) {
          table.remove(expected);
          list.splice(list.indexOf(expected), 1);
        } else if (wanted.length < 200 || expected === undefined) {
          const added = new Call(wanted, hash);
          table.add(added);
          list.push(added);
        }
        expect(table.size).toBe(list.length);
      }
    }),
    { numRuns: 500 },
  );
});

test('with 10,000 calls a key is found among a few, whatever the keys have in common', () => {
  const table = new CallTable<Call>(0x9e3779b9);
  const buckets = new Map<number, number>();
  for (let number = 0; number < 10_000; number++) {
    const hash = table.hashOf(`/airports/${number}?day=2001-01-01`);
    const bucket = hash & 16_383;
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
  }
  expect(Math.max(...buckets.values())).toBeLessThan(10);
});

test('another seed puts the same keys into other buckets', () => {
  const [one, other] = [new CallTable<Call>(1), new CallTable<Call>(0x9e3779b9)];
  const keys = Array.from({ length: 100 }, (_, number) => `/airports/${number}`);
  expect(keys.filter((wanted) => one.hashOf(wanted) === other.hashOf(wanted))).toEqual([]);
});
