import { describe, expect, test } from 'vitest';
import { RecordError } from '../../src/core/errors.ts';
import { thrownMessage, thrownStack } from '../../src/core/thrown.ts';

const throwing = (member: string): object =>
  Object.defineProperty(new Error('hidden'), member, {
    get() {
      throw new Error('the getter threw');
    },
  });

function circular(): Error {
  const error = new Error('round');
  error.cause = new Error('and round', { cause: error });
  return error;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable(new Error('gone'), {});
  revoke();
  return proxy;
}

const hostile = new Proxy(new RecordError('timeout', 'a copy'), {
  get() {
    throw new Error('get');
  },
  getPrototypeOf() {
    throw new Error('getPrototypeOf');
  },
  has() {
    throw new Error('has');
  },
});

const undescribed = 'a value that cannot be described was thrown';

const thrown: readonly (readonly [name: string, value: unknown, message: string])[] = [
  ['an error', new Error('no row'), 'no row'],
  ['an error without a message', new TypeError(), 'TypeError'],
  ['an error whose message is not text', Object.assign(new Error('x'), { message: Symbol('s') }), undescribed],
  ['an error whose message getter throws', throwing('message'), undescribed],
  ['an error with a circular cause', circular(), 'round'],
  ['an object with a message', { message: 'like an error' }, 'like an error'],
  [
    'an object whose toString throws',
    Object.assign(Object.create(null), { toString: () => JSON.parse('{') }),
    undescribed,
  ],
  ['an object whose toString returns no text', { toString: () => ({}) }, undescribed],
  ['an object without a prototype', Object.create(null), undescribed],
  ['a Proxy whose traps throw', hostile, undescribed],
  ['a revoked Proxy', revoked(), undescribed],
  ['null', null, 'null'],
  ['undefined', undefined, 'undefined'],
  ['a text', 'plain', 'plain'],
  ['a symbol', Symbol('s'), 'Symbol(s)'],
  ['a BigInt', 7n, '7'],
];

describe('every thrown value has a message and becomes an error of its record:', () => {
  test.each(thrown)('%s', (_, value, message) => {
    expect(thrownMessage(value)).toBe(message);
    const error = RecordError.from(value);
    expect([error.code, error.message, error.retryable]).toEqual(['function_error', message, false]);
    expect(Object.is(error.cause, value)).toBe(true);
    expect(error.with({ lookup: 'a' }).details.lookup).toBe('a');
  });
});

test('a message is cut after 2000 characters', () => {
  expect(RecordError.from(new Error('x'.repeat(2000))).message).toBe('x'.repeat(2000));
  expect(RecordError.from(new Error('x'.repeat(1e6))).message).toBe(`${'x'.repeat(2000)}…`);
});

test('a RecordError is returned unchanged', () => {
  const error = new RecordError('timeout', 'late');
  expect(RecordError.from(error)).toBe(error);
  expect(error.retryable).toBe(true);
});

test('the stack of an error is returned if it can be read', () => {
  expect(thrownStack(new Error('no row'))).toMatch(/^Error: no row\n {4}at /);
  for (const value of [throwing('stack'), revoked(), hostile, { stack: 7 }, null, 'text'])
    expect(thrownStack(value)).toBeUndefined();
});
