import { describe, expect, test } from 'vitest';
import { RecordError } from '../../../../src/core/errors.ts';
import { settled } from '../../../../src/core/time/later-turn.ts';
import { virtualClock } from '../../../../src/core/time/virtual-clock.ts';
import { AccessTokens } from '../../../../src/connectors/http/oauth2/access-tokens.ts';
import type { AccessToken } from '../../../../src/connectors/http/oauth2/token-answer.ts';

const second = 1000;

/** Tokens whose requests the test answers one by one. */
function scripted() {
  const clock = virtualClock();
  const hidden: string[] = [];
  const requests: {
    grant: (value: string, seconds?: number) => Promise<void>;
    fail: (error: RecordError) => Promise<void>;
  }[] = [];
  const tokens = new AccessTokens({
    clock,
    hide: (token) => void hidden.push(token),
    request: () =>
      new Promise<AccessToken>((resolve, reject) => {
        requests.push({
          async grant(value, seconds) {
            resolve({ value, lifetimeMs: seconds === undefined ? undefined : seconds * second });
            await settled();
          },
          async fail(error) {
            reject(error);
            await settled();
          },
        });
      }),
  });
  const request = (number: number) => {
    const found = requests[number - 1];
    if (found === undefined) throw new Error(`there was no request ${number}`);
    return found;
  };
  return {
    clock,
    tokens,
    hidden,
    request,
    get requested() {
      return requests.length;
    },
    /** What a call gets now: its authorization, or the message of its failure. */
    call(): string | undefined {
      try {
        return tokens.authorize([]).headers[1];
      } catch (error) {
        return RecordError.from(error).message;
      }
    },
  };
}

const dead = new RecordError('unreachable', 'nothing listens there');

/** Tokens that hold one. */
async function holding(value: string, seconds?: number) {
  const held = scripted();
  held.tokens.whenOpen(() => {});
  await held.request(1).grant(value, seconds);
  return held;
}

describe('an access token', () => {
  test('is requested when the first call waits for it, and not before', async () => {
    const { tokens, request, hidden, ...held } = scripted();
    expect([tokens.open, held.call()]).toEqual([false, 'there is no access token yet']);
    let opened = 0;
    tokens.whenOpen(() => opened++);
    tokens.whenOpen(() => opened++);
    await request(1).grant('t-1', 3600);
    expect([opened, tokens.open, hidden]).toEqual([1, true, ['t-1']]);
    expect(held.call()).toBe('Bearer t-1');
  });

  test('is requested once for all calls that wait', async () => {
    const held = scripted();
    let settledCalls = 0;
    for (let call = 0; call < 100; call += 1) held.tokens.whenSettled(() => settledCalls++);
    expect(held.requested).toBe(1);
    await held.request(1).grant('t-1', 3600);
    expect([settledCalls, held.requested]).toEqual([100, 1]);
  });

  test('is added behind the headers of a call, whose list is the same for equal calls', async () => {
    const { tokens } = await holding('t-1', 3600);
    const plain = ['accept', 'application/json'];
    expect(tokens.authorize(plain).headers).toEqual([...plain, 'authorization', 'Bearer t-1']);
    expect(tokens.authorize(plain).headers).toBe(tokens.authorize(plain).headers);
  });

  test('is renewed by the first call within its last minute, and used until the new one is there', async () => {
    const held = await holding('t-1', 3600);
    await held.clock.advance(3539 * second);
    expect([held.call(), held.requested]).toEqual(['Bearer t-1', 1]);
    await held.clock.advance(second);
    expect([held.call(), held.call(), held.requested]).toEqual(['Bearer t-1', 'Bearer t-1', 2]);
    await held.request(2).grant('t-2', 3600);
    expect(held.call()).toBe('Bearer t-2');
  });

  test('is not renewed while no call comes, and not used in its last ten seconds', async () => {
    const held = await holding('t-1', 3600);
    await held.clock.advance(3590 * second);
    expect([held.tokens.open, held.requested, held.clock.timers]).toEqual([false, 1, 0]);
    held.tokens.whenOpen(() => {});
    expect(held.requested).toBe(2);
  });

  test('with a short life is renewed after three quarters of it, and used for nine tenths', async () => {
    const held = await holding('t-1', 20);
    await held.clock.advance(14.9 * second);
    expect([held.call(), held.requested]).toEqual(['Bearer t-1', 1]);
    await held.clock.advance(0.1 * second);
    expect([held.call(), held.requested]).toEqual(['Bearer t-1', 2]);
    await held.clock.advance(2.9 * second);
    expect(held.tokens.open).toBe(true);
    await held.clock.advance(0.1 * second);
    expect(held.tokens.open).toBe(false);
  });

  test('of which the server does not say how long it lasts is used until it is refused', async () => {
    const held = await holding('t-1');
    await held.clock.advance(1e9);
    expect([held.call(), held.requested]).toEqual(['Bearer t-1', 1]);
    expect(held.tokens.gauges()).toEqual({
      totals: { ok: 1, unreachable: 0, timeout: 0, bad_status: 0, bad_response: 0, refused: 0 },
    });
    expect(held.tokens.refused('t-1')).toBe(true);
    expect(held.tokens.open).toBe(false);
  });

  test('that the server refuses is replaced, by one request for all calls that had it', async () => {
    const held = await holding('t-1', 3600);
    await held.clock.advance(10 * second);
    const again = Array.from({ length: 50 }, () => held.tokens.refused('t-1'));
    let settledCalls = 0;
    for (const may of again) if (may) held.tokens.whenSettled(() => settledCalls++);
    await held.request(2).grant('t-2', 3600);
    expect([settledCalls, held.requested, held.call()]).toEqual([50, 2, 'Bearer t-2']);
    // The answer to a call that was sent before comes late.
    expect([held.tokens.refused('t-1'), held.call(), held.requested]).toEqual([true, 'Bearer t-2', 2]);
    expect(held.tokens.gauges().totals).toMatchObject({ refused: 1 });
  });

  test('that is refused although it is fresh is kept: a server that refuses all of them is not asked for more', async () => {
    const held = await holding('t-1', 3600);
    await held.clock.advance(9.9 * second);
    expect([held.tokens.refused('t-1'), held.call(), held.requested]).toEqual([false, 'Bearer t-1', 1]);
  });

  test('that cannot be had fails each call with the same error, and is requested again after 250 ms, 500 ms … 30 s', async () => {
    const held = scripted();
    const waits: number[] = [];
    for (let failures = 1; failures <= 10; failures += 1) {
      held.tokens.whenOpen(() => {});
      await held.request(failures).fail(dead);
      const failedMs = held.clock.now();
      expect([held.tokens.open, held.call()]).toEqual([true, 'nothing listens there']);
      while (held.tokens.open) await held.clock.advance(250);
      expect(held.requested).toBe(failures);
      waits.push(held.clock.now() - failedMs);
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    held.tokens.whenOpen(() => {});
    await held.request(11).grant('t-1', 3600);
    expect(held.call()).toBe('Bearer t-1');
  });

  test('that cannot be renewed is used until it ends, and the endpoint gets no request for each call', async () => {
    const held = await holding('t-1', 3600);
    await held.clock.advance(3545 * second);
    held.call();
    await held.request(2).fail(dead);
    for (let call = 0; call < 100; call += 1) expect(held.call()).toBe('Bearer t-1');
    expect(held.requested).toBe(2);
    await held.clock.advance(250);
    held.call();
    expect(held.requested).toBe(3);
  });

  test('is requested again after the Retry-After of its endpoint, at most after a minute', async () => {
    const held = scripted();
    held.tokens.whenOpen(() => {});
    await held.request(1).fail(new RecordError('unreachable', 'busy', { retryAfterMs: 5000 }));
    await held.clock.advance(4999);
    expect(held.tokens.open).toBe(true);
    await held.clock.advance(1);
    held.tokens.whenOpen(() => {});
    await held.request(2).fail(new RecordError('unreachable', 'busy', { retryAfterMs: 86_400_000 }));
    await held.clock.advance(59_999);
    expect(held.tokens.open).toBe(true);
    await held.clock.advance(1);
    expect(held.tokens.open).toBe(false);
  });

  test('counts its requests by outcome, and says when it expires', async () => {
    const held = scripted();
    for (const [number, code] of (['unreachable', 'timeout', 'bad_status', 'bad_response'] as const).entries()) {
      held.tokens.whenOpen(() => {});
      await held.request(number + 1).fail(new RecordError(code, code));
      await held.clock.advance(60_000);
    }
    held.tokens.whenOpen(() => {});
    const before = Math.floor(Date.now() / second);
    await held.request(5).grant('t-1', 3600);
    const { totals, latest } = held.tokens.gauges();
    expect(totals).toEqual({ ok: 1, unreachable: 1, timeout: 1, bad_status: 1, bad_response: 1, refused: 0 });
    expect(latest?.['expiresAt']).toBeGreaterThanOrEqual(before + 3600);
  });

  test('that calls wait for when the lookup closes fails them', async () => {
    const held = scripted();
    const failures: (string | undefined)[] = [];
    held.tokens.whenSettled(() => failures.push(held.call()));
    held.tokens.whenOpen(() => failures.push(held.call()));
    held.tokens.close();
    expect(failures).toEqual(['the lookup is closed', 'the lookup is closed']);
    await held.request(1).grant('t-1', 3600);
    expect([held.tokens.open, held.call(), held.hidden]).toEqual([true, 'the lookup is closed', []]);
  });

  test('that expires in the turn in which calls would get it is requested again: no call waits for ever', async () => {
    const held = await holding('t-1', 3600);
    await held.clock.advance(20 * second);
    let opened = 0;
    held.tokens.whenOpen(() => opened++);
    held.tokens.refused('t-1');
    await settled();
    expect([opened, held.requested]).toEqual([0, 2]);
    await held.request(2).grant('t-2', 3600);
    expect(opened).toBe(1);
  });
});
