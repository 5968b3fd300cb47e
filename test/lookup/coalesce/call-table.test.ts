import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CallTable, type ListedCall } from '../../../src/lookup/coalesce/call-table.ts';
import { notHashed, type RequestKey, TextKey } from '../../../src/lookup/coalesce/request-key.ts';

class Call implements ListedCall<Call> {
  readonly key: RequestKey;
  next: Call | undefined = undefined;

  constructor(key: RequestKey) {
    this.key = key;
  }
}

/** A key whose hash is that of many others: the table has to compare the requests. */
class AlikeKey extends TextKey {
  override readonly hash = 7;
}

const long = 'x'.repeat(200);
const text = fc.oneof(fc.constantFrom('', 'a', 'b', 'ab', 'ba', long, `${long}y`), fc.string({ maxLength: 3 }));
const steps = fc.array(fc.record({ text, removes: fc.boolean() }), { maxLength: 400 });
const kinds = fc.constantFrom(TextKey, AlikeKey);

test('a table finds what a list finds: the last call added with the key, until it is removed', () => {
  fc.assert(
    fc.property(fc.integer(), kinds, steps, (seed, Key, all) => {
      const table = new CallTable<Call>();
      const list: Call[] = [];
      for (const { text: wanted, removes } of all) {
        const key = new Key(wanted, seed | 1);
        const expected = list.findLast((call) => call.key.text === wanted);
        expect(table.find(key)).toBe(expected);
        if (removes && expected !== undefined) {
          table.remove(expected);
          list.splice(list.indexOf(expected), 1);
        } else if (key.hash !== notHashed || expected === undefined) {
          const added = new Call(key);
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
  const buckets = new Map<number, number>();
  for (let number = 0; number < 10_000; number++) {
    const { hash } = new TextKey(`/airports/${number}?day=2001-01-01`, 0x9e3779b9);
    const bucket = hash & 16_383;
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
  }
  expect(Math.max(...buckets.values())).toBeLessThan(10);
});

test('another seed gives the same keys other hashes', () => {
  const texts = Array.from({ length: 100 }, (_, number) => `/airports/${number}`);
  expect(texts.filter((one) => new TextKey(one, 1).hash === new TextKey(one, 0x9e3779b9).hash)).toEqual([]);
});
