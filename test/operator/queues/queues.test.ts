import { describe, expect, test } from 'vitest';
import type { StreamQueue } from '../../../src/operator/queues/queue.ts';
import type { RecordSlot, Slot } from '../../../src/operator/queues/slot.ts';
import { KeyedQueue } from '../../../src/operator/queues/keyed-queue.ts';
import { Watermark } from '../../../src/operator/watermark.ts';
import { modes, queueOf } from '../scripted.ts';

function put(queue: StreamQueue<string, string>, input: string): RecordSlot<string, string> {
  const slot = queue.tryPut(input);
  if (slot === undefined) throw new Error(`no slot for ${input}`);
  return slot;
}

function say(slot: Slot<string, string>): string {
  return slot.barrier === undefined ? String(slot.output) : `| ${String(slot.barrier.value)}`;
}

function takeAll(queue: StreamQueue<string, string>): string[] {
  const taken: string[] = [];
  for (let slot = queue.take(); slot !== undefined; slot = queue.take()) taken.push(say(slot));
  return taken;
}

/** The members of a record's slot that belong to some queues only. */
const ownMembers = ['before', 'after', 'segment', 'nextCompleted', 'key', 'nextOfKey'];

test.each([
  ['ordered', []],
  ['unordered', ownMembers.slice(0, 4)],
  ['keyed', ownMembers],
] as const)('a slot of the %s queue has only members that the queue uses, and one shape', (mode, own) => {
  const queue = queueOf<string>(mode, 3);
  const slots = [put(queue, 'a1'), put(queue, 'a2'), put(queue, 'b1')];
  for (const slot of slots) {
    expect(Object.keys(slot).filter((name) => ownMembers.includes(name))).toEqual(own);
    expect(Object.keys(slot)).toEqual(Object.keys(slots[0] ?? {}));
  }
});

describe.each(modes)('every queue: %s', (mode) => {
  test('it has as many slots as its capacity', () => {
    const queue = queueOf<string>(mode, 2);
    put(queue, 'a');
    put(queue, 'b');
    expect(queue.tryPut('c')).toBeUndefined();
    expect(queue.tryPutBarrier(new Watermark(1))).toBeUndefined();
    expect(queue.size).toBe(2);
  });

  test('a completed record holds its slot until it is taken', () => {
    const queue = queueOf<string>(mode, 1);
    queue.complete(put(queue, 'a'), 'A');
    expect(queue.tryPut('b')).toBeUndefined();
    expect(takeAll(queue)).toEqual(['A']);
    expect(queue.size).toBe(0);
    expect(queue.tryPut('b')).toBeDefined();
  });

  test('ready is true if take returns a slot', () => {
    const queue = queueOf<string>(mode, 3);
    expect(queue.ready).toBe(false);
    const slot = put(queue, 'a');
    expect(queue.ready).toBe(false);
    expect(queue.take()).toBeUndefined();
    queue.complete(slot, 'A');
    expect(queue.ready).toBe(true);
    queue.take();
    queue.tryPutBarrier(new Watermark(1));
    expect(queue.ready).toBe(true);
  });

  test('a watermark waits for every record before it, and no record after it passes it', () => {
    const queue = queueOf<string>(mode, 4);
    const before = put(queue, 'a');
    queue.tryPutBarrier(new Watermark(1));
    const after = put(queue, 'b');
    queue.complete(after, 'B');
    expect(takeAll(queue)).toEqual([]);
    queue.complete(before, 'A');
    expect(takeAll(queue)).toEqual(['A', '| 1', 'B']);
  });

  test('slots are listed in order of admission, no matter which are complete or taken', () => {
    const queue = queueOf<string>(mode, 6);
    const [first] = [put(queue, 'a'), put(queue, 'b')];
    queue.tryPutBarrier(new Watermark(1));
    const last = put(queue, 'c');
    queue.complete(last, 'C');
    const inputs = () => [...queue.slots()].map((slot) => (slot.barrier === undefined ? slot.input : '|'));
    expect(inputs()).toEqual(['a', 'b', '|', 'c']);
    if (first !== undefined) queue.complete(first, 'A');
    queue.take();
    expect(inputs()).toEqual(['b', '|', 'c']);
  });

  test('a cleared queue can be used again', () => {
    const queue = queueOf<string>(mode, 3);
    put(queue, 'a');
    queue.tryPutBarrier(new Watermark(1));
    queue.clear();
    expect([queue.size, queue.ready, [...queue.slots()]]).toEqual([0, false, []]);
    queue.complete(put(queue, 'a'), 'A');
    expect(takeAll(queue)).toEqual(['A']);
  });
});

describe('the ordered queue', () => {
  test('no slot is taken before the head', () => {
    const queue = queueOf<string>('ordered', 3);
    const [a, b] = [put(queue, 'a'), put(queue, 'b')];
    queue.complete(b, 'B');
    expect(takeAll(queue)).toEqual([]);
    queue.complete(a, 'A');
    expect(takeAll(queue)).toEqual(['A', 'B']);
  });
});

describe.each(['unordered', 'keyed'] as const)('the %s queue', (mode) => {
  test('the record that completes first is taken first', () => {
    const queue = queueOf<string>(mode, 3);
    const [a, b, c] = [put(queue, 'a'), put(queue, 'b'), put(queue, 'c')];
    queue.complete(c, 'C');
    queue.complete(a, 'A');
    expect(takeAll(queue)).toEqual(['C', 'A']);
    queue.complete(b, 'B');
    expect(takeAll(queue)).toEqual(['B']);
  });

  test('records of a segment are taken in order of completion, and segments in order of their watermarks', () => {
    const queue = queueOf<string>(mode, 9);
    const a = put(queue, 'a');
    const b = put(queue, 'b');
    queue.tryPutBarrier(new Watermark(1));
    const c = put(queue, 'c');
    const d = put(queue, 'd');
    queue.tryPutBarrier(new Watermark(2));
    queue.tryPutBarrier(new Watermark(3));
    queue.complete(d, 'D');
    queue.complete(b, 'B');
    expect(takeAll(queue)).toEqual(['B']);
    queue.complete(a, 'A');
    expect(takeAll(queue)).toEqual(['A', '| 1', 'D']);
    queue.complete(c, 'C');
    expect(takeAll(queue)).toEqual(['C', '| 2', '| 3']);
    expect(queue.size).toBe(0);
  });
});

describe('the keyed queue', () => {
  test('only the oldest record of a key may start; its completion lets the next one start, before it is taken', () => {
    const queue = queueOf<string>('keyed', 9);
    const [a1, a2, b1, a3] = [put(queue, 'a1'), put(queue, 'a2'), put(queue, 'b1'), put(queue, 'a3')];
    expect([a1, a2, b1, a3].map((slot) => slot.mayStart)).toEqual([true, false, true, false]);
    expect(queue.complete(a1, 'A1')).toBe(a2);
    expect(queue.complete(b1, 'B1')).toBeUndefined();
    expect(queue.complete(a2, 'A2')).toBe(a3);
    expect(takeAll(queue)).toEqual(['A1', 'B1', 'A2']);
  });

  test('a record behind a watermark may start when its key is free, and is not taken before the watermark', () => {
    const queue = queueOf<string>('keyed', 9);
    const [a1, b1] = [put(queue, 'a1'), put(queue, 'b1')];
    queue.tryPutBarrier(new Watermark(1));
    const a2 = put(queue, 'a2');
    expect(queue.complete(a1, 'A1')).toBe(a2);
    queue.complete(a2, 'A2');
    expect(takeAll(queue)).toEqual(['A1']);
    queue.complete(b1, 'B1');
    expect(takeAll(queue)).toEqual(['B1', '| 1', 'A2']);
  });

  test('a million keys are all removed', () => {
    const queue = new KeyedQueue<string, string>(10, (input) => input);
    for (let index = 0; index < 1_000_000; index++) {
      const slot = queue.tryPut(`${index}`);
      if (slot === undefined) throw new Error('no slot');
      queue.complete(slot, '');
      queue.take();
    }
    expect([queue.keys, queue.size]).toEqual([0, 0]);
  });

  test('a record without a key waits for no other', () => {
    const queue = new KeyedQueue<string, string>(10, () => undefined);
    expect([queue.tryPut('a')?.mayStart, queue.tryPut('a')?.mayStart, queue.keys]).toEqual([true, true, 0]);
  });
});
