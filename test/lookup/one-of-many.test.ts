import { expect, test } from 'vitest';
import { Cancellation } from '../../src/core/call/cancellation.ts';
import { RecordError } from '../../src/core/errors.ts';
import type { ManyService } from '../../src/lookup/lookup.ts';
import { oneOfMany } from '../../src/lookup/one-of-many.ts';

const context = new Cancellation();
const doubled: ManyService<string, string> = (requests) => requests.map((request) => request + request);

test('one request of many gets its reply at once if all replies are there at once', () => {
  expect(oneOfMany(doubled)('a', context)).toBe('aa');
});

test('one request of many gets its reply by a promise if the replies come by one', async () => {
  const answer = oneOfMany<string, string>(async (...call) => doubled(...call))('a', context);
  expect(answer).toBeInstanceOf(Promise);
  expect(await answer).toBe('aa');
});

test('the context of the one request is that of the call', () => {
  const contexts: unknown[] = [];
  void oneOfMany<string, string>((requests, given) => (contexts.push(given), requests))('a', context);
  expect(contexts).toEqual([context]);
});

test('a failure among the replies is thrown, or rejected, as it is', async () => {
  const error = new RecordError('bad_status', 'it answered 500');
  expect(() => oneOfMany<string, string>(() => [error])('a', context)).toThrow(error);
  await expect(oneOfMany<string, string>(async () => [error])('a', context)).rejects.toBe(error);
});

test.each([
  ['none', []],
  ['two', ['a', 'b']],
])('a service that replies %s to one request is defective', (_, replies) => {
  expect(() => oneOfMany<string, string>(() => replies)('a', context)).toThrow(`has ${replies.length} replies`);
});
