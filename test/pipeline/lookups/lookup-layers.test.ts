import { createServer, type RequestListener } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { configSchema } from '../../../src/config/schema/schema.ts';
import { Secrets } from '../../../src/core/secrets/secrets.ts';
import { Cancellation } from '../../../src/core/call/call-context.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/observer/logger.ts';
import { type Clock, systemClock } from '../../../src/core/time/time.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import type { Answer } from '../../../src/lookup/lookup.ts';
import { createMetrics } from '../../../src/observability/metrics/metrics.ts';
import { openLookup } from '../../../src/pipeline/lookups/lookups.ts';

/** The lookup `airport` as a service builds it, in front of a real server. */
async function lookupOf(layers: object, listener: RequestListener, clock: Clock = systemClock) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { lookups } = configSchema.parse({
    lookups: { airport: { http: { url: `http://127.0.0.1:${port}/{iata}` }, ...layers } },
    pipelines: { p: { enrich: [{ lookup: 'airport', with: { iata: '/origin' }, into: '/airport' }] } },
  });
  const metrics = createMetrics({ version: '0' });
  const config = lookups['airport'];
  if (config === undefined) throw new Error('the configuration lost its lookup');
  const lookup = await openLookup('airport', config, {
    clock,
    observer: metrics.observer,
    baseDir: '/',
    generation: 1,
    secrets: new Secrets(),
    logger: () => silentLogger,
    tracesCalls: false,
  });
  onTestFinished(async () => {
    await lookup.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    metrics,
    ask: async (timeoutMs = Infinity): Promise<Answer | RecordError> => {
      try {
        return await lookup.call({ iata: 'SFO' }, new Cancellation(clock.now() + timeoutMs));
      } catch (error) {
        return RecordError.from(error);
      }
    },
  };
}

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
