import { expect, test } from 'vitest';
import { Cancellation } from '../../src/core/call/cancellation.ts';
import { later, type Receiver } from '../../src/core/call/receiver.ts';
import { beginOf, serviceOf } from '../../src/lookup/service.ts';

const ignoring: Receiver<string> = { answered() {}, failed() {} };

test('a service made of one without promises returns an immediate answer as it is, and another one as a promise', async () => {
  const waiting: Receiver<string>[] = [];
  const service = serviceOf<string, string>((request, _, receiver) => {
    if (request === 'immediate') return 'answer';
    waiting.push(receiver);
    return later;
  });
  expect(service('immediate', new Cancellation())).toBe('answer');
  const [answer, failure] = [service('a', new Cancellation()), service('b', new Cancellation())];
  waiting[0]?.answered('late answer');
  const error = new Error('failed');
  waiting[1]?.failed(error);
  expect(await answer).toBe('late answer');
  await expect(failure).rejects.toBe(error);
});

test('a layer calls a service that is only a function, and gets its outcome', async () => {
  const error = new Error('failed');
  const begin = beginOf<string, string>((request) => {
    if (request === 'immediate') return 'answer';
    return request === 'late' ? Promise.resolve('late answer') : Promise.reject(error);
  });
  expect(begin('immediate', new Cancellation(), ignoring)).toBe('answer');
  const outcomes = ['late', 'failed'].map(
    (request) =>
      new Promise((resolve) => {
        expect(begin(request, new Cancellation(), { answered: resolve, failed: resolve })).toBe(later);
      }),
  );
  expect(await Promise.all(outcomes)).toEqual(['late answer', error]);
});
