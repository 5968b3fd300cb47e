import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { SharedCall } from '../../../src/core/call/shared-call.ts';
import { systemClock } from '../../../src/core/time/time.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { http } from '../../../src/connectors/http/http.ts';
import { httpOptions, type HttpOptions } from '../../../src/connectors/http/http-options.ts';
import { lookupOf } from '../../pipeline/lookups/opened.ts';
import { ignoring } from '../../core/call/sharing.ts';
import { httpEnd, openHttp, runtimeFor } from './far-end.ts';

const deadlineHeader = 'X-Request-Deadline';

function named(name: string, headers: object = {}): HttpOptions {
  return httpOptions.parse({ url: 'http://h/{a}', deadlineHeader: name, headers });
}

describe('the header of deadlineHeader', () => {
  test.each([
    ['what is left of the record', { timeout: '500ms' }, 200, '200'],
    ['the time of the attempt, if that is shorter', { timeout: '500ms' }, 5000, '500'],
    ['what is left of the record, without a timeout of the attempt', {}, 5000, '5000'],
    ['whole milliseconds, rounded down', {}, 17.9, '17'],
  ])('has %s', async (_, layers, recordMs, expected) => {
    const sent: unknown[] = [];
    const { ask } = await lookupOf(
      layers,
      (request, response) => {
        sent.push(request.headers['x-request-deadline']);
        response.end('{}');
      },
      virtualClock(),
      { deadlineHeader },
    );
    expect(await ask(recordMs)).toMatchObject({ json: '{}' });
    expect(sent).toEqual([expected]);
  });

  test('has less for each later attempt of a record', async () => {
    const clock = virtualClock();
    const sent: unknown[] = [];
    const { ask } = await lookupOf(
      { retry: { attempts: 2, backoff: { initial: '100ms', multiplier: 2, jitter: 'none' } } },
      (request, response) => {
        sent.push(request.headers['x-request-deadline']);
        response.writeHead(sent.length < 3 ? 503 : 200).end('{}');
      },
      clock,
      { deadlineHeader },
    );
    const answer = ask(1000);
    for (const waitMs of [100, 200]) {
      // oxlint-disable-next-line no-await-in-loop
      while (clock.timers === 0) await turn();
      // oxlint-disable-next-line no-await-in-loop
      await clock.advance(waitMs);
    }
    expect(await answer).toMatchObject({ json: '{}', attempts: 3 });
    expect(sent).toEqual(['1000', '900', '700']);
  });

  test.each([
    ['without deadlineHeader', {}, 5000],
    ['if nothing bounds the time', { deadlineHeader }, Infinity],
  ])('is absent %s', async (_, options, recordMs) => {
    let sent: NodeJS.Dict<string | string[]> = {};
    const { ask } = await lookupOf(
      {},
      (request, response) => {
        sent = request.headers;
        response.end('{}');
      },
      virtualClock(),
      options,
    );
    expect(await ask(recordMs)).toMatchObject({ json: '{}' });
    expect(Object.keys(sent)).toEqual(['host', 'connection', 'accept', 'accept-encoding', 'user-agent']);
  });

  test('has the latest deadline of the records that share a call', async () => {
    let sent = 0;
    const { origin } = await httpEnd((request, response) => {
      sent = Number(request.headers['x-request-deadline']);
      response.end('{}');
    });
    const { ask } = await openHttp({ url: origin, deadlineHeader });
    const shared = new SharedCall();
    for (const leftMs of [1000, 3_600_000, 2000]) shared.join(new Cancellation(systemClock.now() + leftMs), ignoring);
    await ask({}, shared);
    expect(sent).toBeGreaterThan(2000);
    expect(sent).toBeLessThanOrEqual(3_600_000);
  });

  test('is shown by explain, and its name is checked', () => {
    expect(http.create(named(deadlineHeader), runtimeFor()).describe({ a: 'b' })).toMatchObject({
      headers: { 'x-request-deadline': '<milliseconds left>' },
    });
    expect(http.findings(named('not a name'))).toEqual([
      { path: ['deadlineHeader'], message: 'is not a valid name of a header (RFC 9110, 5.1): got "not a name"' },
    ]);
    for (const name of ['Connection', 'Host', 'Traceparent']) {
      expect(http.findings(named(name))).toMatchObject([{ message: 'has another meaning: choose another name' }]);
    }
    expect(http.findings(named('X-Left', { 'x-left': '1' }))).toMatchObject([
      { message: 'is set by headers as well: remove one of them' },
    ]);
  });
});

describe('a call for which less than a millisecond is left', () => {
  test.each([0, 0.9, -5])('is not made, and counts neither as a call nor as an attempt: %d ms', async (leftMs) => {
    let calls = 0;
    const { ask, metrics } = await lookupOf(
      { retry: { attempts: 3 } },
      (_, response) => {
        calls++;
        response.end('{}');
      },
      virtualClock(1000),
    );
    expect(await ask(leftMs)).toMatchObject({
      code: 'timeout',
      message: 'no time of the record was left for this call, so it was not made',
      details: { lookup: 'airport', attempts: 0 },
    });
    expect(calls).toBe(0);
    expect(metrics.snapshot()).toMatchObject({ lookups: { airport: { calls: { ok: 0, timeout: 0 }, errors: 0 } } });
  });
});
