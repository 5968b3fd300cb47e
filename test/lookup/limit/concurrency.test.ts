import { describe, expect, test } from 'vitest';
import { InputEnd } from '../../../src/core/call/call-context.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import type { Gate } from '../../../src/core/call/gate.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { settled } from '../../../src/core/time/later-turn.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { Concurrency } from '../../../src/lookup/limit/concurrency.ts';
import { Limit } from '../../../src/lookup/limit/limit.ts';
import { type Layer, stack } from '../../../src/lookup/lookup.ts';
import { timeout } from '../../../src/lookup/timeout.ts';

/** The layer below the queue in which its calls wait, as in a lookup. */
function limitedTo<Req, Res>(limit: number, gate?: Gate) {
  const concurrency = new Concurrency<Req, Res>(limit, virtualClock());
  const queue = new Limit<Req, Res>(concurrency.gate(gate));
  const layer: Layer<Req, Res> = (inner) => stack(inner, queue.layer, concurrency.layer);
  return { layer, gauges: () => ({ ...queue.gauges(), ...concurrency.gauges() }) };
}

/** Calls that the test ends one by one, below the layer. */
function held(limit: number, gate?: Gate) {
  const layer = limitedTo<string, string>(limit, gate);
  const running = new Map<string, { answer: () => void; fail: (error: unknown) => void }>();
  const service = layer.layer(
    (request, context) =>
      new Promise((resolve, reject) => {
        const end = (): boolean => running.delete(request);
        running.set(request, {
          answer: () => end() && resolve(request),
          fail: (error) => end() && reject(error),
        });
        context.onCancel((reason) => end() && reject(reason));
      }),
  );
  const call = async (request: string, context = new Cancellation()): Promise<string> => service(request, context);
  return { layer, running, call, now: () => [...running.keys()] };
}

describe('concurrency', () => {
  test('holds back the calls above the limit, and makes the next one when a call has ended', async () => {
    const { layer, running, call, now } = held(2);
    const answers = ['a', 'b', 'c', 'd'].map((name) => call(name));
    expect([now(), layer.gauges()]).toEqual([['a', 'b'], { queued: 2, now: { limit: 2, running: 2 } }]);
    running.get('b')?.answer();
    await settled();
    expect([now(), layer.gauges()]).toEqual([['a', 'c'], { queued: 1, now: { limit: 2, running: 2 } }]);
    for (const name of ['a', 'c', 'd']) {
      running.get(name)?.answer();
      await settled();
    }
    expect(await Promise.all(answers)).toEqual(['a', 'b', 'c', 'd']);
    expect(layer.gauges()).toEqual({ queued: 0, now: { limit: 2, running: 0 } });
  });

  test('gets the place of a call that failed or was cancelled back', async () => {
    const { running, call, now } = held(1);
    const context = new Cancellation();
    const ended = Promise.allSettled([call('a'), call('b', context), call('c')]);
    running.get('a')?.fail(new RecordError('unreachable', 'no connection'));
    await settled();
    expect(now()).toEqual(['b']);
    context.cancel(new RecordError('cancelled', 'client gone'));
    await settled();
    expect(now()).toEqual(['c']);
    running.get('c')?.answer();
    expect((await ended).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });

  test('gets the place of a call back when its timeout ends, although the call goes on', async () => {
    const clock = virtualClock();
    const layer = limitedTo<string, string>(1);
    const made: string[] = [];
    const deaf = timeout<string, string>({ timeoutMs: 100, clock })((request) => {
      made.push(request);
      return new Promise(() => {});
    });
    const service = layer.layer(deaf);
    const call = async (name: string): Promise<string> => service(name, new Cancellation());
    const ended = Promise.allSettled(['a', 'b'].map(call));
    await clock.advance(100);
    expect(made).toEqual(['a', 'b']);
    await clock.advance(100);
    expect((await ended).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(layer.gauges()).toMatchObject({ now: { running: 0 } });
  });

  test('gets the place of a call back that threw or answered at once', async () => {
    const layer = limitedTo<string, string>(1);
    const service = layer.layer((request) => {
      if (request === 'bad') throw new RecordError('missing_argument', 'no {iata}');
      return request;
    });
    expect(() => service('bad', new Cancellation())).toThrow('no {iata}');
    expect(service('good', new Cancellation())).toBe('good');
    expect(layer.gauges()).toMatchObject({ queued: 0, now: { running: 0 } });
  });

  test('and the connections are waited for once: a call begins when both have room', async () => {
    const hooks: (() => void)[] = [];
    const gate = { open: false, whenOpen: (hook: () => void) => void hooks.push(hook) };
    const { running, call, now, layer } = held(1, gate);
    void call('a');
    void call('b');
    expect([now(), layer.gauges().queued]).toEqual([[], 2]);
    gate.open = true;
    hooks.shift()?.();
    expect(now()).toEqual(['a']);
    // The slot is free first, then a connection.
    gate.open = false;
    running.get('a')?.answer();
    await settled();
    expect([now(), hooks.length]).toEqual([[], 1]);
    gate.open = true;
    hooks.shift()?.();
    expect([now(), layer.gauges().queued]).toEqual([['b'], 0]);
  });
});

/** Runs streams that always have `capacity` calls of 10 ms running or waiting; counts the answers of each. */
async function shares(limit: number, streams: readonly { capacity: number; weight: number }[], answers: number) {
  const clock = virtualClock();
  const { layer } = limitedTo<number, number>(limit);
  const counts = streams.map(() => 0);
  let total = 0;
  const service = layer((stream) => new Promise((resolve) => clock.setTimer(10, () => resolve(stream))));
  const run = async (stream: number, inputEnd: InputEnd): Promise<void> => {
    for (;;) {
      await service(stream, new Cancellation(Infinity, 1, inputEnd));
      // The first calls began before the other streams came.
      if (++total > limit) counts[stream] = (counts[stream] ?? 0) + 1;
    }
  };
  for (const [stream, { capacity, weight }] of streams.entries()) {
    const inputEnd = new InputEnd(undefined, weight);
    for (let slot = 0; slot < capacity; slot++) void run(stream, inputEnd);
  }
  // Each 10 ms end as many calls as run.
  for (let round = 0; round * limit < answers; round++) await clock.advance(10);
  return counts;
}

describe('streams that share a limit', () => {
  test('each get their share: one of capacity 10,000 gets as much as each of 99 small ones', async () => {
    const small = { capacity: 10, weight: 1 };
    const counts = await shares(
      20,
      [{ capacity: 10_000, weight: 1 }, ...Array.from({ length: 99 }, () => small)],
      8000,
    );
    for (const count of counts) {
      expect(count).toBeGreaterThanOrEqual(0.8 * 80);
      expect(count).toBeLessThanOrEqual(1.2 * 80);
    }
  });

  test('get shares in proportion to the weights of their pipelines', async () => {
    const [light = 0, heavy = 0] = await shares(
      8,
      [
        { capacity: 100, weight: 1 },
        { capacity: 100, weight: 3 },
      ],
      4000,
    );
    expect(heavy / light).toBeGreaterThan(2.8);
    expect(heavy / light).toBeLessThan(3.2);
  });
});
