import { expect, onTestFinished, test } from 'vitest';
import { DeferredOutcome, PromisedOutcome, type Receiver } from '../../../src/core/call/receiver.ts';

/** Adds what it receives to a list. */
function listing(list: unknown[]): Receiver<string> {
  return {
    answered: (answer, nowMs) => void list.push([answer, nowMs]),
    failed: (error) => void list.push(error),
  };
}

test('a promised outcome that comes before its promise is that of the promise', async () => {
  const answered = new PromisedOutcome<string>();
  answered.answered('answer');
  expect(await answered.promise()).toBe('answer');
  const failed = new PromisedOutcome<string>();
  const error = new Error('failed');
  failed.failed(error);
  await expect(failed.promise()).rejects.toBe(error);
});

test('a deferred outcome reaches its receiver in a promise job, in the order of the outcomes', async () => {
  const received: unknown[] = [];
  const receiver = listing(received);
  const error = new Error('failed');
  new DeferredOutcome(receiver).answered('first', 7);
  new DeferredOutcome(receiver).failed(error);
  new DeferredOutcome(receiver).answered('third');
  expect(received).toEqual([]);
  await Promise.resolve();
  expect(received).toEqual([['first', 7], error, ['third', undefined]]);
});

test('an outcome that comes while others are delivered is delivered after them', async () => {
  const received: unknown[] = [];
  const receiver = listing(received);
  const second = new DeferredOutcome(receiver);
  new DeferredOutcome<string>({
    answered: (answer) => {
      second.answered('of the first');
      received.push(answer);
    },
    failed() {},
  }).answered('first');
  new DeferredOutcome(receiver).answered('another');
  await Promise.resolve();
  await Promise.resolve();
  expect(received).toEqual(['first', ['another', undefined], ['of the first', undefined]]);
});

test('a receiver that throws is reported as an unhandled rejection, and the others get their outcomes', async () => {
  const received: unknown[] = [];
  const defect = new Error('a defect');
  const own = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  const reported = new Promise((resolve) => process.once('unhandledRejection', resolve));
  onTestFinished(() => {
    for (const listener of own) process.on('unhandledRejection', listener);
  });
  new DeferredOutcome<string>({
    answered() {
      throw defect;
    },
    failed() {},
  }).answered('first');
  new DeferredOutcome(listing(received)).answered('second');
  expect(await reported).toBe(defect);
  expect(received).toEqual([['second', undefined]]);
});
