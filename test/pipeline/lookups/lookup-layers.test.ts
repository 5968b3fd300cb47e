import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { RecordError } from '../../../src/core/errors.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { lookupOf } from './opened.ts';

const soon = { initial: '1ms', max: '5ms' };

describe('a lookup with retry, over real HTTP,', () => {
  test('answers with the answer of the second call, and counts the retry', async () => {
    let calls = 0;
    const { ask, metrics } = await lookupOf({ retry: { attempts: 2, backoff: soon } }, (_, response) => {
      response.statusCode = ++calls === 1 ? 503 : 200;
      response.end('{"city":"San Francisco"}');
    });
    expect(await ask()).toMatchObject({ json: '{"city":"San Francisco"}', attempts: 2 });
    expect(await metrics.scrape()).toContain('millrace_lookup_retries_total{lookup="airport"} 1');
    expect(metrics.snapshot()).toMatchObject({ lookups: { airport: { retries: 1, calls: { ok: 1, bad_status: 1 } } } });
  });

  test('fails, when it is exhausted, with three calls and the status of the last one', async () => {
    const { ask } = await lookupOf({ retry: { attempts: 2, backoff: soon } }, (_, response) => {
      response.writeHead(503).end('not now');
    });
    expect(await ask()).toMatchObject({ code: 'bad_status', details: { lookup: 'airport', attempts: 3, status: 503 } });
  });

  test('waits for the seconds of Retry-After', async () => {
    const clock = virtualClock();
    const calledAt: number[] = [];
    const { ask } = await lookupOf(
      { retry: { attempts: 1, backoff: soon } },
      (_, response) => {
        calledAt.push(clock.now());
        if (calledAt.length === 1) response.writeHead(429, { 'retry-after': '120' }).end();
        else response.end('{}');
      },
      clock,
    );
    const answer = ask();
    while (clock.timers === 0) await turn();
    await clock.advance(120_000);
    expect(await answer).toMatchObject({ json: '{}', attempts: 2 });
    expect(calledAt).toEqual([0, 120_000]);
  });

  test.each([
    ['seconds', () => '3600'],
    ['a date', () => new Date(Date.now() + 3_600_000).toUTCString()],
  ])('fails at once if Retry-After, as %s, is beyond the deadline', async (_, retryAfter) => {
    let calls = 0;
    const { ask } = await lookupOf({ retry: { attempts: 5, backoff: soon } }, (_request, response) => {
      calls++;
      response.writeHead(503, { 'retry-after': retryAfter() }).end();
    });
    const error = await ask(600_000);
    expect(error).toMatchObject({ code: 'bad_status', details: { attempts: 1, status: 503 } });
    expect(error).toBeInstanceOf(RecordError);
    const { retryAfterMs = 0 } = error instanceof RecordError ? error.details : {};
    expect(retryAfterMs).toBeGreaterThan(3_500_000);
    expect(calls).toBe(1);
  });

  test('does not wait for a Retry-After date that has passed', async () => {
    let calls = 0;
    const { ask } = await lookupOf({ retry: { attempts: 1, backoff: soon } }, (_, response) => {
      if (++calls === 1) response.writeHead(503, { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }).end();
      else response.end('{}');
    });
    expect(await ask()).toMatchObject({ json: '{}', attempts: 2 });
  });

  test('calls again after the time of one attempt ran out', async () => {
    let calls = 0;
    const { ask } = await lookupOf({ timeout: '200ms', retry: { attempts: 1, backoff: soon } }, (_, response) => {
      if (++calls > 1) response.end('{}');
    });
    expect(await ask()).toMatchObject({ json: '{}', attempts: 2 });
  });
});

describe('a lookup with concurrency, over real HTTP,', () => {
  test('sends no more calls at a time, and shows its limit in /metrics and /state', async () => {
    const waiting: (() => void)[] = [];
    const { ask, metrics } = await lookupOf({ concurrency: 2 }, (_, response) => {
      waiting.push(() => response.end('{}'));
    });
    const answers = Promise.all([ask(), ask(), ask()]);
    while (waiting.length < 2) await turn();
    expect(metrics.snapshot()).toMatchObject({
      lookups: { airport: { queued: 1, inFlight: 2, concurrency: { limit: 2, running: 2 } } },
    });
    expect(await metrics.scrape()).toContain('millrace_lookup_concurrency_limit{lookup="airport"} 2');
    waiting.shift()?.();
    while (waiting.length < 2) await turn();
    for (const answer of waiting) answer();
    expect(await answers).toMatchObject([{ json: '{}' }, { json: '{}' }, { json: '{}' }]);
  });
});

describe('a lookup with hedge, over real HTTP,', () => {
  test('answers with the second call if the first one takes long, aborts the first and counts the hedge', async () => {
    const clock = virtualClock();
    const seen = { calls: 0, aborted: 0 };
    const { ask, metrics } = await lookupOf(
      { hedge: { after: '50ms' } },
      (_, response) => {
        if (++seen.calls > 1) response.end('{"call":2}');
        else response.once('close', () => seen.aborted++);
      },
      clock,
    );
    const answer = ask();
    while (seen.calls < 1) await turn();
    await clock.advance(50);
    expect(await answer).toMatchObject({ json: '{"call":2}', attempts: 1 });
    while (seen.aborted < 1) await turn();
    expect(await metrics.scrape()).toContain('millrace_lookup_hedges_total{lookup="airport"} 1');
    expect(metrics.snapshot()).toMatchObject({
      lookups: { airport: { hedge: { made: 1, won: 1 }, calls: { ok: 1, cancelled: 1 } } },
    });
  });
});
