import { describe, expect, test } from 'vitest';
import { RecordError } from '../../../src/core/errors.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { RecentErrors } from '../../../src/observability/metrics/recent-errors.ts';

const timeout = new RecordError('timeout', 'no answer within 5 ms', { lookup: 'far' });

function numbered(number: number): RecordError {
  return new RecordError('bad_status', `number ${number}`, { lookup: 'far', status: 500 });
}

describe('the last errors', () => {
  test('have the time, the place and the message of an error, and nothing else', async () => {
    const clock = virtualClock();
    const errors = new RecentErrors(clock);
    const cause = new Error('a cause that holds a socket');
    errors.add('p', new RecordError('bad_status', 'answered 503', { lookup: 'far', status: 503, attempts: 3, cause }));
    await clock.advance(1500);
    expect(errors.list()).toEqual([
      {
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        ageMs: 1500,
        firstAt: expect.any(String),
        count: 1,
        pipeline: 'p',
        lookup: 'far',
        code: 'bad_status',
        message: 'answered 503',
        status: 503,
      },
    ]);
    const age = Date.now() - Date.parse(errors.list()[0]?.at ?? '');
    expect(age).toBeGreaterThanOrEqual(1500);
    expect(age).toBeLessThan(11_500);
  });

  test('have an error that is repeated once, with its count and its first and last time', async () => {
    const clock = virtualClock();
    const errors = new RecentErrors(clock);
    errors.add('p', timeout);
    await clock.advance(1000);
    errors.add('p', numbered(1));
    await clock.advance(1000);
    errors.add('p', timeout);
    const [first, second] = errors.list();
    expect(errors.list()).toHaveLength(2);
    expect(first).toMatchObject({ code: 'timeout', count: 2, ageMs: 0 });
    expect(Date.parse(first?.at ?? '') - Date.parse(first?.firstAt ?? '')).toBe(2000);
    expect(second).toMatchObject({ code: 'bad_status', count: 1, ageMs: 1000 });
  });

  test.each([
    ['pipeline', 'q', timeout],
    ['lookup', 'p', timeout.with({ lookup: 'near' })],
    ['status', 'p', timeout.with({ status: 504 })],
    ['code', 'p', new RecordError('cancelled', timeout.message, { lookup: 'far' })],
    ['message', 'p', new RecordError('timeout', 'no answer within 6 ms', { lookup: 'far' })],
  ])('are different if the %s differs', (_what, pipeline, error) => {
    const errors = new RecentErrors(virtualClock());
    errors.add('p', timeout);
    errors.add(pipeline, error);
    expect(errors.list().map(({ count }) => count)).toEqual([1, 1]);
  });

  test('are at most fifty; a new one replaces the one that was not repeated for longest', async () => {
    const clock = virtualClock();
    const errors = new RecentErrors(clock);
    errors.add('p', timeout);
    for (let number = 0; number < 120; number++) {
      await clock.advance(1);
      errors.add('p', numbered(number));
      // Repeated each time, it stays.
      if (number % 20 === 0) errors.add('p', timeout);
    }
    const messages = errors.list().map(({ message }) => message);
    expect(messages).toHaveLength(50);
    expect(messages).toContain(timeout.message);
    expect(messages[0]).toBe('number 119');
    expect(messages).not.toContain('number 70');
    expect(messages).toContain('number 71');
  });

  test('keep 500 characters of a message, and recognise it by these', () => {
    const errors = new RecentErrors(virtualClock());
    for (let time = 0; time < 2; time++) errors.add('p', new RecordError('function_error', 'x'.repeat(100_000)));
    expect(errors.list()).toMatchObject([{ count: 2, lookup: null, status: null, message: `${'x'.repeat(500)}…` }]);
  });

  test('keep the message of a line that is not a record', () => {
    const errors = new RecentErrors(virtualClock());
    errors.add('p', { code: 'line_too_long', message: 'too long' });
    expect(errors.list()).toMatchObject([{ code: 'line_too_long', lookup: null }]);
  });
});
