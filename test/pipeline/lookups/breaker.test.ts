import { describe, expect, test } from 'vitest';
import { type VirtualClock, virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { lookupOf } from './opened.ts';

const breaker = { minimum: 4, open: '5s' };

/** What a promise of this test settles to, while the clock lets timers of no time fire. */
async function passing<Result>(clock: VirtualClock, result: Promise<Result>): Promise<Result> {
  const state = { over: false };
  const ended = result.finally(() => {
    state.over = true;
  });
  // oxlint-disable-next-line no-await-in-loop
  while (!state.over) await clock.advance(0);
  return ended;
}

describe('a lookup with breaker, over real HTTP,', () => {
  test('refuses without a call, shows its state, and does not retry a refusal', async () => {
    const clock = virtualClock();
    let calls = 0;
    let status = 503;
    const { ask, metrics } = await lookupOf(
      { breaker, retry: { attempts: 5, backoff: { initial: '0s' }, budget: { ratio: 1000 } } },
      (_, response) => {
        calls++;
        response.writeHead(status).end('{}');
      },
      clock,
    );
    const answer = ask();
    // The retries wait for no time, on the clock of the test.
    const failure = await passing(clock, answer);
    expect(failure).toMatchObject({ code: 'breaker_open', details: { attempts: 4, status: 503 } });
    expect(await ask()).toMatchObject({ code: 'breaker_open', details: { attempts: 0, retryAfterMs: 5000 } });
    expect(calls).toBe(4);
    const scraped = await metrics.scrape();
    expect(scraped).toContain('millrace_breaker_state{lookup="airport",state="open"} 1');
    expect(scraped).toContain('millrace_breaker_state{lookup="airport",state="closed"} 0');
    expect(scraped).toContain('millrace_lookup_calls_total{lookup="airport",outcome="refused"} 2');
    expect(scraped).toContain('millrace_lookup_duration_seconds_count{lookup="airport"} 4');
    status = 200;
    await clock.advance(5000);
    expect(await ask()).toMatchObject({ json: '{}' });
    expect(metrics.snapshot()).toMatchObject({
      lookups: { airport: { breaker: { closed: 1, open: 0, half_open: 0, opened: 1 } } },
    });
  });

  test('opens for calls without an answer within their timeout', async () => {
    const clock = virtualClock();
    const calls: unknown[] = [];
    const { ask, metrics } = await lookupOf({ breaker, timeout: '100ms' }, ({ url }) => void calls.push(url), clock);
    const answers = Array.from({ length: 4 }, () => ask());
    while (calls.length < 4) await clock.advance(0);
    await clock.advance(100);
    expect(await Promise.all(answers)).toMatchObject(Array.from({ length: 4 }, () => ({ code: 'timeout' })));
    expect(await metrics.scrape()).toContain('millrace_breaker_state{lookup="airport",state="open"} 1');
  });

  test('with whenOpen: wait loses no record: one of them tries the lookup, and the others follow', async () => {
    const clock = virtualClock();
    let calls = 0;
    let status = 503;
    const { ask, metrics } = await lookupOf(
      { breaker: { ...breaker, whenOpen: 'wait' } },
      (_, response) => {
        calls++;
        response.writeHead(status).end('{}');
      },
      clock,
    );
    await Promise.all(Array.from({ length: 4 }, () => ask()));
    status = 200;
    const answers = Array.from({ length: 50 }, () => ask());
    expect(metrics.snapshot()).toMatchObject({ lookups: { airport: { queued: 50, breaker: { open: 1 } } } });
    await clock.advance(5000);
    expect(await Promise.all(answers)).toMatchObject(Array.from({ length: 50 }, () => ({ json: '{}' })));
    expect(calls).toBe(54);
  });
});
