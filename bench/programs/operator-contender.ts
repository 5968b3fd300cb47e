import { Readable } from 'node:stream';
import pMap from 'p-map';
import { from, lastValueFrom, mergeMap, of, reduce } from 'rxjs';
import { systemClock } from '../../src/core/time/time.ts';
import { AsyncWait } from '../../src/operator/async-wait.ts';
import { OrderedQueue } from '../../src/operator/queues/ordered-queue.ts';
import type { StreamQueue } from '../../src/operator/queues/queue.ts';
import { UnorderedQueue } from '../../src/operator/queues/unordered-queue.ts';
import { numberOf, work } from '../worker.ts';

/**
 * A library that runs a function over many elements, a hundred at a time, in its own process. The function answers at once:
 * by a promise (`later`), or by a value if the library accepts one (`now`). The result is the number of elements passed on.
 */
const concurrency = 100;
const later = async (n: number): Promise<number> => n;
const laterAsOne = async (n: number): Promise<number[]> => [n];
const now = (n: number): number => n;

function* numbers(count: number): Generator<number> {
  for (let n = 0; n < count; n++) yield n;
}

function operator(queue: StreamQueue<number, number>, count: number, byPromise: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    let emitted = 0;
    let next = 0;
    const feed = (): void => {
      while (next < count && wait.offer(next)) next++;
      if (next === count) wait.end();
    };
    const wait = new AsyncWait<number, number>({
      queue,
      timeoutMs: 5000,
      clock: systemClock,
      invoke: byPromise
        ? (n, attempt) => {
            later(n).then(
              (value) => attempt.complete(value),
              (error: unknown) => attempt.fail(error),
            );
          }
        : (n, attempt) => attempt.complete(now(n)),
      onTimeout: (_n, attempt) => attempt.fail(new Error('timeout')),
      onError: (error) => {
        reject(error instanceof Error ? error : new Error(String(error)));
        return Number.NaN;
      },
      downstream: {
        ready: true,
        emit: () => {
          emitted++;
        },
        emitBarrier() {},
        flush() {},
      },
      onRoom: feed,
      onEnd: () => resolve(emitted),
      schedule: setImmediate,
      observer: undefined,
      limitWaitCounts: false,
      backpressure: undefined,
    });
    feed();
  });
}

async function iterated(values: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of values) count++;
  return count;
}

const contenders: Readonly<Record<string, (count: number) => Promise<number>>> = {
  'operator, ordered': (count) => operator(new OrderedQueue(concurrency), count, true),
  'operator, unordered': (count) => operator(new UnorderedQueue(concurrency), count, true),
  'operator, ordered, value': (count) => operator(new OrderedQueue(concurrency), count, false),
  'operator, unordered, value': (count) => operator(new UnorderedQueue(concurrency), count, false),
  'orderedWait, for await': async (count) => {
    const { orderedWait } = await import('../../src/index.ts');
    return iterated(orderedWait(numbers(count), laterAsOne, { capacity: concurrency, timeout: 5000 }));
  },
  'Readable.map': (count) => iterated(Readable.from(numbers(count)).map(later, { concurrency })),
  'Readable.map, value': (count) => iterated(Readable.from(numbers(count)).map(now, { concurrency })),
  'p-map': async (count) => (await pMap(numbers(count), later, { concurrency })).length,
  'p-map, value': async (count) => (await pMap(numbers(count), now, { concurrency })).length,
  'RxJS mergeMap': (count) =>
    lastValueFrom(
      from(numbers(count)).pipe(
        mergeMap(later, concurrency),
        reduce((sum) => sum + 1, 0),
      ),
    ),
  'RxJS mergeMap, value': (count) =>
    lastValueFrom(
      from(numbers(count)).pipe(
        mergeMap((n) => of(now(n)), concurrency),
        reduce((sum) => sum + 1, 0),
      ),
    ),
};

const [name = ''] = process.argv.slice(2);
const contender = contenders[name];
if (contender === undefined) throw new Error(`there is no contender "${name}"`);

work(async (order) => {
  const records = numberOf(order, 'records');
  const started = performance.now();
  const passed = await contender(records);
  if (passed !== records) throw new Error(`${name} passed on ${passed} of ${records}`);
  return { records, elapsedMs: performance.now() - started };
});
