import { describe, expect, test } from 'vitest';
import { type FailureDetails, RecordError, type RecordErrorCode } from '../../../src/core/errors.ts';
import type { Verdict } from '../../../src/lookup/breaker/breaker-state.ts';
import { verdictOf } from '../../../src/lookup/breaker/verdict.ts';

function failed(code: RecordErrorCode, details: FailureDetails = {}): RecordError {
  return new RecordError(code, 'as the test wants it', details);
}

describe('a call that its caller waited for', () => {
  test.each<[string, RecordError | undefined, Verdict]>([
    ['an answer or a miss', undefined, 'good'],
    ['no connection', failed('unreachable'), 'bad'],
    ['no answer within the time of the attempt', failed('timeout'), 'bad'],
    ['a function that throws', failed('function_error'), 'bad'],
    ['a status of 500', failed('bad_status', { status: 500 }), 'bad'],
    ['a status of 503', failed('bad_status', { status: 503 }), 'bad'],
    ['a status of 408, which is about the load', failed('bad_status', { status: 408 }), 'bad'],
    ['a status of 429, which is about the load', failed('bad_status', { status: 429 }), 'bad'],
    ['a status of 400, which is about the record', failed('bad_status', { status: 400 }), 'good'],
    ['a status of 404, which is about the record', failed('bad_status', { status: 404 }), 'good'],
    ['a status of 422, which is about the record', failed('bad_status', { status: 422 }), 'good'],
    ['a redirect', failed('bad_status', { status: 302 }), 'good'],
    ['an answer that cannot be used', failed('bad_response', { status: 200 }), 'good'],
    ['an answer that is too large', failed('response_too_large', { status: 200 }), 'good'],
    ['an argument that cannot be sent, so no call', failed('missing_argument'), 'nothing'],
    ['no time left, so no call', failed('timeout', { attempts: 0 }), 'nothing'],
    ['a lookup that was closed', failed('cancelled'), 'nothing'],
  ])('with %s', (_, failure, verdict) => {
    expect(verdictOf({ failure, ms: 10, givenUp: false }, undefined)).toBe(verdict);
  });

  test('is bad if it took longer than slowerThan, whatever its answer', () => {
    const slow = failed('bad_status', { status: 404 });
    expect(verdictOf({ failure: undefined, ms: 100, givenUp: false }, 100)).toBe('good');
    expect(verdictOf({ failure: undefined, ms: 101, givenUp: false }, 100)).toBe('bad');
    expect(verdictOf({ failure: slow, ms: 101, givenUp: false }, 100)).toBe('bad');
  });
});

describe('a call that its caller gave up', () => {
  const gone = failed('cancelled');
  const late = failed('timeout');

  test.each<[string, RecordError, number, number | undefined, Verdict]>([
    ['because the client is gone', gone, 60_000, undefined, 'nothing'],
    ['because a short time of the record ran out', late, 999, undefined, 'nothing'],
    ['because the time of the record ran out after a second', late, 1000, undefined, 'bad'],
    ['after slowerThan, because the client is gone', gone, 301, 300, 'bad'],
    ['before slowerThan, because the time of the record ran out', late, 2000, 3000, 'nothing'],
  ])('%s', (_, failure, ms, slowerThan, verdict) => {
    expect(verdictOf({ failure, ms, givenUp: true }, slowerThan)).toBe(verdict);
  });
});
