import { describe, expect, test } from 'vitest';
import { RecordError } from '../../src/core/errors.ts';

/** An error of the class RecordError as another copy of the package defines it. */
function foreign(members: Readonly<Record<string, unknown>>): Error {
  return Object.assign(new Error('too slow'), members);
}

describe('RecordError.from', () => {
  test('returns an error of this copy of the package unchanged', () => {
    const error = new RecordError('not_found', 'none');
    expect(RecordError.from(error)).toBe(error);
  });

  test('keeps code and message of an error that another copy of the package threw', () => {
    const thrown = foreign({ name: 'RecordError', code: 'timeout' });
    const error = RecordError.from(thrown);
    expect(error).toBeInstanceOf(RecordError);
    expect(error).toMatchObject({ code: 'timeout', message: 'too slow', cause: thrown });
  });

  test.each([
    ['of another name', { name: 'HttpError', code: 'timeout' }],
    ['without a code', { name: 'RecordError' }],
    ['with an unknown code', { name: 'RecordError', code: 'ETIMEDOUT' }],
    ['with a code that is a member of every object', { name: 'RecordError', code: 'constructor' }],
    ['with a code that is not text', { name: 'RecordError', code: 5 }],
  ])('makes `function_error` of an error %s', (_what, members) => {
    const thrown = foreign(members);
    expect(RecordError.from(thrown)).toMatchObject({ code: 'function_error', message: 'too slow', cause: thrown });
  });

  test('makes `function_error` of an error whose members cannot be read', () => {
    const thrown = Object.defineProperty(foreign({ name: 'RecordError' }), 'code', {
      get() {
        throw new Error('no code');
      },
    });
    expect(RecordError.from(thrown).code).toBe('function_error');
  });
});

test('a RecordError has no stack trace, because thousands are made in one turn of the event loop', () => {
  const { stackTraceLimit } = Error;
  expect(new RecordError('timeout', 'too slow').stack).not.toContain(' at ');
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
});
