import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError, type FailureDetails, type RecordErrorCode } from '../../../src/core/errors.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { Answer, type LookupService } from '../../../src/lookup/lookup.ts';
import { lookupRetry } from '../../../src/lookup/retry/lookup-retry.ts';
import { retryOptions } from '../../../src/lookup/retry/retry-options.ts';

function failure(code: RecordErrorCode, details: FailureDetails = {}): RecordError {
  return new RecordError(code, code, details);
}

const unavailable = failure('bad_status', { lookup: 'airport', status: 503 });

/** A lookup that answers with `script`, then with `{}`. It notes the time of each call. */
function scripted(options: object, script: readonly (RecordError | Answer)[]) {
  const clock = virtualClock();
  const random = { value: 1 };
  const heard = { retries: 0 };
  const observer = { retried: (): void => void heard.retries++ };
  const layer = lookupRetry(retryOptions.parse(options), { clock, random: () => random.value, observer });
  const calledAt: number[] = [];
  const left = [...script];
  const inner: LookupService = async () => {
    calledAt.push(clock.now());
    const next = left.shift() ?? new Answer('{}');
    if (next instanceof RecordError) throw next;
    return next;
  };
  const service = layer(inner);
  return {
    clock,
    calledAt,
    random,
    heard,
    async ask(deadline = Infinity): Promise<Answer | RecordError> {
      const context = new Cancellation(deadline);
      const outcome = Promise.resolve(service({}, context)).catch((error: unknown) => RecordError.from(error));
      await clock.advance(100_000);
      return outcome;
    },
  };
}

const plain = { attempts: 2, backoff: { jitter: 'none' } };

describe('the retry of a lookup', () => {
  test('calls again after 100, 200, 400 ms … up to 10 s, and answers with the calls it took', async () => {
    const lookup = scripted(
      { ...plain, attempts: 9 },
      Array.from({ length: 9 }, () => unavailable),
    );
    expect(await lookup.ask()).toMatchObject({ json: '{}', attempts: 10, source: 'call' });
    const waits = lookup.calledAt.map((at, call) => at - (lookup.calledAt[call - 1] ?? 0));
    expect(waits).toEqual([0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    expect(lookup.heard.retries).toBe(9);
  });

  test('does not call again after a failure that is final', async () => {
    const lookup = scripted(plain, [failure('unreachable', { final: true })]);
    expect(await lookup.ask()).toMatchObject({ code: 'unreachable', details: { attempts: 1 } });
    expect(lookup.heard.retries).toBe(0);
  });

  test('that is exhausted fails with all calls and the last status', async () => {
    const lookup = scripted(plain, [unavailable, unavailable, unavailable]);
    expect(await lookup.ask()).toMatchObject({
      code: 'bad_status',
      details: { lookup: 'airport', status: 503, attempts: 3 },
    });
  });

  test('keeps the last status if later calls got none', async () => {
    const lookup = scripted(plain, [unavailable, failure('timeout'), failure('unreachable')]);
    expect(await lookup.ask()).toMatchObject({ code: 'unreachable', details: { status: 503, attempts: 3 } });
  });

  test('has the number of calls, also after one call', async () => {
    expect(await scripted(plain, []).ask()).toMatchObject({ attempts: 1 });
    const lookup = scripted(plain, [failure('bad_response', { status: 200 })]);
    expect(await lookup.ask()).toMatchObject({ code: 'bad_response', details: { status: 200, attempts: 1 } });
  });

  test('does not count a call for a record that lacks an argument', async () => {
    const { details } = (await scripted(plain, [failure('missing_argument')]).ask()) as RecordError;
    expect(details.attempts).toBeUndefined();
  });

  test.each([
    ['unreachable', undefined, 2],
    ['timeout', undefined, 2],
    ['bad_status', 429, 2],
    ['bad_status', 502, 2],
    ['bad_status', 503, 2],
    ['bad_status', 504, 2],
    ['bad_status', 500, 1],
    ['bad_status', 400, 1],
    ['bad_response', 200, 1],
    ['breaker_open', undefined, 1],
    ['function_error', undefined, 1],
    ['missing_argument', undefined, 1],
  ] as const)('retries %s %s, or not, by default', async (code, status, calls) => {
    const lookup = scripted(plain, [failure(code, status === undefined ? {} : { status })]);
    await lookup.ask();
    expect(lookup.calledAt).toHaveLength(calls);
  });

  test('retries the codes and statuses of `on`, and no others', async () => {
    const on = ['function_error', 500];
    for (const [error, calls] of [
      [failure('function_error'), 2],
      [failure('bad_status', { status: 500 }), 2],
      [unavailable, 1],
    ] as const) {
      const lookup = scripted({ ...plain, on }, [error]);
      await lookup.ask();
      expect(lookup.calledAt).toHaveLength(calls);
    }
  });

  test('retries a miss with onMiss, and returns the last one as a miss', async () => {
    const miss = new Answer(undefined);
    expect(await scripted(plain, [miss]).ask()).toMatchObject({ json: undefined, attempts: 1 });
    const late = scripted({ ...plain, onMiss: true }, [miss]);
    expect(await late.ask()).toMatchObject({ json: '{}', attempts: 2 });
    const never = scripted({ ...plain, onMiss: true }, [miss, miss, miss]);
    expect(await never.ask()).toMatchObject({ json: undefined, attempts: 3 });
  });

  test('waits a random part of the delay, another one for each record', async () => {
    const lookup = scripted({ attempts: 2 }, [unavailable, unavailable]);
    lookup.random.value = 0.25;
    await lookup.ask();
    expect(lookup.calledAt).toEqual([0, 25, 75]);
  });

  test('shares its budget among all records', async () => {
    const budget = { ratio: 0.2, perSecond: 0 };
    const lookup = scripted(
      { ...plain, budget },
      Array.from({ length: 300 }, () => unavailable),
    );
    await Promise.all(Array.from({ length: 100 }, () => lookup.ask()));
    expect(lookup.heard.retries).toBe(20);
    expect(lookup.calledAt).toHaveLength(120);
  });
});

describe('Retry-After', () => {
  const busy = failure('bad_status', { status: 429, retryAfterMs: 3000 });

  test('is the least wait', async () => {
    const lookup = scripted({ attempts: 1 }, [busy]);
    lookup.random.value = 0;
    await lookup.ask();
    expect(lookup.calledAt).toEqual([0, 3000]);
  });

  test('does not shorten a wait that is longer', async () => {
    const lookup = scripted({ attempts: 1, backoff: { initial: '5s', jitter: 'none' } }, [busy]);
    await lookup.ask();
    expect(lookup.calledAt).toEqual([0, 5000]);
  });

  test('that does not fit into the time of the record makes the failure final at once', async () => {
    const lookup = scripted({ attempts: 5 }, [busy]);
    expect(await lookup.ask(3000)).toMatchObject({ code: 'bad_status', details: { status: 429, attempts: 1 } });
    expect(lookup.calledAt).toEqual([0]);
  });
});

describe('the options of a retry', () => {
  test('have defaults for all but the attempts', () => {
    expect(retryOptions.parse({ attempts: 2 })).toEqual({
      attempts: 2,
      backoff: { initial: 100, max: 10_000, multiplier: 2, jitter: 'full' },
      on: ['unreachable', 'timeout', 429, 502, 503, 504],
      onMiss: false,
      budget: { ratio: 0.2, perSecond: 10 },
    });
    expect(retryOptions.safeParse({}).success).toBe(false);
  });

  test.each([
    ['an unknown code', { on: ['down'] }, /expected an HTTP status, or one of unreachable/],
    ['a status that is none', { on: [42] }, /expected an HTTP status/],
    ['a negative number of attempts', { attempts: -1 }, /from 0 to 1000/],
    ['an initial wait above the longest', { backoff: { initial: '20s' } }, /at most backoff.max/],
    ['a multiplier below 1', { backoff: { multiplier: 0.5 } }, />=1/],
    ['another jitter', { backoff: { jitter: 'equal' } }, /full or none/],
    ['a negative ratio', { budget: { ratio: -1 } }, />=0/],
  ])('refuse %s', (_what, options, message) => {
    const result = retryOptions.safeParse({ attempts: 1, ...options });
    expect(result.error?.issues.map((issue) => issue.message).join('; ')).toMatch(message);
  });
});
