import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { lookupOf } from './opened.ts';

describe('a lookup with rateLimit, over real HTTP,', () => {
  test('calls at the rate, whatever the streams want, and shows rate and waiting calls', async () => {
    const clock = virtualClock();
    const calledAt: number[] = [];
    const { ask, metrics } = await lookupOf(
      { rateLimit: { perSecond: 2, burst: 1 } },
      (_, response) => {
        calledAt.push(clock.now());
        response.end('{}');
      },
      clock,
    );
    const answers = ['A', 'B', 'C'].map((iata) => ask(Infinity, iata));
    while (calledAt.length < 1) await turn();
    const scraped = await metrics.scrape();
    expect(scraped).toContain('millrace_lookup_rate_limit{lookup="airport"} 2');
    expect(scraped).toContain('millrace_lookup_queued{lookup="airport"} 2');
    expect(metrics.snapshot()).toMatchObject({
      lookups: { airport: { queued: 2, rateLimit: { perSecond: 2, burst: 1 }, pause: { pauses: 0, paused: 0 } } },
    });
    for (const at of [500, 1000]) {
      await clock.advance(500);
      while (calledAt.at(-1) !== at) await turn();
    }
    expect(await Promise.all(answers)).toMatchObject([{ json: '{}' }, { json: '{}' }, { json: '{}' }]);
    expect(calledAt).toEqual([0, 500, 1000]);
  });
});

describe('429 with Retry-After', () => {
  test('pauses the whole lookup, without an error of the records that wait, and without a rate limit', async () => {
    const clock = virtualClock();
    const calledAt: string[] = [];
    const { ask, metrics } = await lookupOf(
      {},
      (request, response) => {
        calledAt.push(`${request.url} ${clock.now()}`);
        if (calledAt.length === 1) response.writeHead(429, { 'retry-after': '7' }).end('slower');
        else response.end('{}');
      },
      clock,
    );
    expect(await ask(Infinity, 'A')).toMatchObject({ code: 'bad_status', details: { status: 429 } });
    const others = [ask(Infinity, 'B'), ask(Infinity, 'C')];
    expect(metrics.snapshot()).toMatchObject({ lookups: { airport: { queued: 2, pause: { pauses: 1, paused: 1 } } } });
    await clock.advance(7000);
    expect(await Promise.all(others)).toMatchObject([{ json: '{}' }, { json: '{}' }]);
    expect(calledAt.toSorted()).toEqual(['/A 0', '/B 7000', '/C 7000']);
    const scraped = await metrics.scrape();
    expect(scraped).toContain('millrace_lookup_pauses_total{lookup="airport"} 1');
    expect(scraped).toContain('millrace_lookup_paused{lookup="airport"} 0');
  });

  test.each([
    ['429 whose maxPause is 0s', { maxPause: '0s' }, 429, { 'retry-after': '7' }],
    ['429 without Retry-After', {}, 429, {}],
    [
      '503 with Retry-After, which is about the server and not about the number of calls',
      {},
      503,
      { 'retry-after': '7' },
    ],
  ])('pauses nothing after a %s', async (_, http, status, headers) => {
    const clock = virtualClock();
    let calls = 0;
    const { ask } = await lookupOf(
      {},
      (_request, response) => {
        if (++calls === 1) response.writeHead(status, headers).end();
        else response.end('{}');
      },
      clock,
      http,
    );
    expect(await ask()).toMatchObject({ code: 'bad_status' });
    expect(await ask()).toMatchObject({ json: '{}' });
    expect(clock.timers).toBe(0);
  });

  test('pauses for maxPause at most, and closing the lookup ends a pause', async () => {
    const clock = virtualClock();
    const { ask, close } = await lookupOf(
      {},
      (_, response) => response.writeHead(429, { 'retry-after': '86400' }).end(),
      clock,
      { maxPause: '2s' },
    );
    await ask();
    const second = ask();
    await clock.advance(2000);
    expect(await second).toMatchObject({ code: 'bad_status' });
    const third = ask();
    await close();
    expect(await third).toMatchObject({ code: 'cancelled' });
    expect(clock.timers).toBe(0);
  });
});
