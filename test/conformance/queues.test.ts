import { describe, expect, test } from 'vitest';
import { Watermark } from '../../src/index.ts';
import { OrderedQueue } from '../../src/operator/queues/ordered-queue.ts';
import type { StreamQueue } from '../../src/operator/queues/queue.ts';
import { pending, type Slot } from '../../src/operator/queues/slot.ts';
import { UnorderedQueue } from '../../src/operator/queues/unordered-queue.ts';

type Queue = StreamQueue<number, number>;

function content(slot: Slot<number, number>): number | string | Watermark {
  if (slot.barrier !== undefined) return slot.barrier;
  return slot.output === pending ? `input ${slot.input}` : slot.output;
}

function pop(queue: Queue): (number | string | Watermark)[] {
  const popped: (number | string | Watermark)[] = [];
  for (let slot = queue.take(); slot !== undefined; slot = queue.take()) popped.push(content(slot));
  return popped;
}

function put(queue: Queue, input: number): (output: number) => void {
  const slot = queue.tryPut(input);
  if (slot === undefined) throw new Error('the queue is full');
  return (output) => void queue.complete(slot, output);
}

test('OQ-01 completed records wait for the one before them, and are then taken in order with the watermark', () => {
  const queue = new OrderedQueue<number, number>(4);
  const watermark = new Watermark(2);
  const [first, second] = [put(queue, 0), put(queue, 1)];
  queue.tryPutBarrier(watermark);
  const third = put(queue, 3);
  expect([pop(queue), queue.size]).toEqual([[], 4]);
  second(11);
  third(13);
  expect([pop(queue), queue.size]).toEqual([[], 4]);
  first(10);
  expect([pop(queue), queue.size]).toEqual([[10, 11, watermark, 13], 0]);
});

describe.each([
  ['ORDERED', (): Queue => new OrderedQueue(2)],
  ['UNORDERED', (): Queue => new UnorderedQueue(2)],
] as const)('StreamElementQueueTest %s', (_mode, create) => {
  test('SQ-01 watermarks take capacity, and slots are listed in order', () => {
    const queue = create();
    const watermark = new Watermark(0);
    expect(queue.tryPutBarrier(watermark)).toBeDefined();
    put(queue, 42);
    expect(queue.size).toBe(2);
    expect(queue.tryPutBarrier(new Watermark(2))).toBeUndefined();
    expect([...queue.slots()].map(content)).toEqual([watermark, 'input 42']);
  });

  test('SQ-02 a watermark without records before it can be taken at once, a record when it is complete', () => {
    const queue = create();
    const watermark = new Watermark(0);
    queue.tryPutBarrier(watermark);
    const record = put(queue, 42);
    expect([pop(queue), queue.size]).toEqual([[watermark], 1]);
    record(43);
    expect([pop(queue), queue.size]).toEqual([[43], 0]);
  });

  test('SQ-04 watermarks alone are taken in order', () => {
    const queue = create();
    const watermarks = [new Watermark(2), new Watermark(5)];
    for (const watermark of watermarks) queue.tryPutBarrier(watermark);
    expect(queue.size).toBe(2);
    expect([pop(queue), queue.size]).toEqual([watermarks, 0]);
    expect(pop(queue)).toEqual([]);
  });
});
