import { array, assert, constantFrom, integer, oneof, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { SpoolBlocks, SpoolTail, type TakenBlocks } from '../../../src/http/spool/spool-blocks.ts';

const kibibyte = 1024;

test('memory that was given back is used again, and no more than 16 blocks of it are kept', () => {
  const blocks = new SpoolBlocks();
  const taken = Array.from({ length: 20 }, () => blocks.take(1));
  for (const memory of taken) blocks.give(memory);
  const again = Array.from({ length: 20 }, () => blocks.take(256 * kibibyte));
  expect(again.filter((memory) => taken.includes(memory)).length).toBe(16);
  expect(new Set(again).size).toBe(20);
});

test('output that is longer than a block has memory of its own, which is not kept', () => {
  const blocks = new SpoolBlocks();
  const memory = blocks.take(256 * kibibyte + 1);
  expect(memory.byteLength).toBe(256 * kibibyte + 1);
  blocks.give(memory);
  expect(blocks.take(1)).not.toBe(memory);
});

test('all bytes come out once and in order, although streams share their memory, and a write to disk may fail', () => {
  const step = oneof(
    record({ push: integer({ min: 0, max: 300 * kibibyte }), text: constantFrom(true, false) }),
    record({ shift: integer({ min: 1, max: 100 * kibibyte }) }),
    record({ flush: constantFrom('written', 'failed', 'under way') }),
  );
  const steps = array(record({ stream: integer({ min: 0, max: 2 }), step }), { maxLength: 60 });
  assert(
    property(steps, (all) => {
      const blocks = new SpoolBlocks();
      const streams = Array.from({ length: 3 }, () => new Stream(blocks));
      for (const { stream, step: next } of all) streams[stream]?.take(next);
      for (const stream of streams) {
        stream.settle();
        expect([stream.received === stream.pushed, stream.left]).toEqual([true, 0]);
      }
    }),
    { numRuns: 100 },
  );
});

type Step = { push: number; text: boolean } | { shift: number } | { flush: string };

/** A tail, and what was pushed to it and came out of it: first to a file, and then to the reader. */
class Stream {
  pushed = '';
  received = '';
  left = -1;
  readonly #tail: SpoolTail;
  #writing: TakenBlocks | undefined;
  #next = 0;

  constructor(blocks: SpoolBlocks) {
    this.#tail = new SpoolTail(blocks);
  }

  take(step: Step): void {
    if ('push' in step) {
      const text = String.fromCharCode(97 + (this.#next++ % 26)).repeat(step.push);
      this.pushed += text;
      this.#tail.push(step.text ? text : Buffer.from(text));
    } else if ('shift' in step) {
      // The reader has nothing before the write has ended.
      this.#end('written');
      this.received += String(this.#tail.shift(step.shift) ?? '');
    } else {
      this.#end('failed');
      this.#writing = this.#tail.takeAll();
      if (step.flush !== 'under way') this.#end(step.flush);
    }
  }

  settle(): void {
    this.#end('failed');
    for (let bytes = this.#tail.shift(kibibyte); bytes !== undefined; bytes = this.#tail.shift(kibibyte))
      this.received += String(bytes);
    this.left = this.#tail.bytes;
  }

  #end(how: string): void {
    const writing = this.#writing;
    this.#writing = undefined;
    if (how === 'failed') return writing?.putBack();
    for (const chunk of writing?.chunks ?? []) this.received += String(chunk);
    writing?.giveBack();
  }
}
