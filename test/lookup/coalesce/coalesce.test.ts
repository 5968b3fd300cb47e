import { describe, expect, test } from 'vitest';
import { RecordError } from '../../../src/core/errors.ts';
import { Coalesce } from '../../../src/lookup/coalesce/coalesce.ts';
import type { Service } from '../../../src/lookup/lookup.ts';
import { Held, Record } from '../../core/call/sharing.ts';

/** The waits, deadlines and cancellations of a shared call: test/core/call/shared-call.test.ts. */
function coalesced(service: Service<string, string>, keyOf = (key: string): string => key, mayHang = false) {
  const layer = new Coalesce<string, string>(keyOf, () => 0.5, mayHang);
  return { layer, service: layer.layer(service) };
}

describe('requests', () => {
  test('with another key have calls of their own', () => {
    const held = new Held();
    const { service, layer } = coalesced(held.service);
    for (const key of ['a', 'b', 'a', 'b', 'b']) void service(key, new Record());
    expect(held.calls).toHaveLength(2);
    expect(layer.gauges()).toEqual({ totals: { coalesced: 3 }, now: { open: 2 } });
  });

  test('share no call that is over: an answer is not kept', async () => {
    const held = new Held();
    const { service, layer } = coalesced(held.service);
    for (const answer of ['first', 'second']) {
      const asked = new Record().ask(service);
      held.calls.at(-1)?.resolve(answer);
      expect(await asked).toBe(answer);
    }
    expect(layer.gauges()).toEqual({ totals: { coalesced: 0 }, now: { open: 0 } });
  });

  test('share no call that has failed: the next one calls again', async () => {
    const held = new Held();
    const { service, layer } = coalesced(held.service);
    const failing = new Record().ask(service);
    held.calls[0]?.reject(new RecordError('unreachable', 'refused'));
    expect(await failing).toMatchObject({ code: 'unreachable' });
    void new Record().ask(service);
    expect(held.calls).toHaveLength(2);
    expect(layer.gauges().now.open).toBe(1);
  });

  test('share no call that was cancelled, while its connection still closes', () => {
    // A far end that does not settle a call when it is cancelled.
    let calls = 0;
    const { service } = coalesced(() => {
      calls++;
      return new Promise(() => {});
    });
    const first = new Record();
    void first.ask(service);
    first.cancel('gone');
    void new Record().ask(service);
    expect(calls).toBe(2);
  });

  test('share no call that may hang once the time of a record has run out; those that wait for it go on', async () => {
    const held = new Held();
    const { service, layer } = coalesced(held.service, undefined, true);
    const [first, second, third, fourth] = [new Record(), new Record(), new Record(), new Record()];
    const timed = first.ask(service);
    const patient = second.ask(service);
    first.cancel(new RecordError('timeout', 'no answer within 1000 ms'));
    expect(await timed).toMatchObject({ code: 'timeout' });
    const next = [third.ask(service), fourth.ask(service)];
    expect([held.calls.length, layer.gauges().now.open]).toEqual([2, 1]);
    // The first call, which ends later, does not end the sharing of the second one.
    held.calls[0]?.resolve('slow');
    expect(await patient).toBe('slow');
    next.push(new Record().ask(service));
    held.calls[1]?.resolve('quick');
    expect(await Promise.all(next)).toEqual(['quick', 'quick', 'quick']);
    expect([held.calls.length, held.cancelledWith, layer.gauges().now.open]).toEqual([2, [], 0]);
  });

  test.each<['timeout' | 'cancelled', boolean]>([
    ['cancelled', true],
    ['timeout', false],
  ])('share a call that a record has left with the reason %s (the call may hang: %s)', async (code, mayHang) => {
    const held = new Held();
    const { service } = coalesced(held.service, undefined, mayHang);
    const left = new Record();
    void left.ask(service);
    const asked = [new Record().ask(service)];
    left.cancel(new RecordError(code, 'it waits no longer'));
    asked.push(new Record().ask(service));
    held.calls[0]?.resolve('answer');
    expect([await Promise.all(asked), held.calls.length]).toEqual([['answer', 'answer'], 1]);
  });

  test('are shared with keys of any length', () => {
    const held = new Held();
    const { service } = coalesced(held.service, (key) => key.repeat(5000));
    for (const key of ['a', 'b', 'a']) void service(key, new Record());
    expect(held.calls).toHaveLength(2);
  });
});

describe('the first request', () => {
  test('gets an immediate answer without a promise, and nothing is listed', () => {
    const { service, layer } = coalesced((key) => `answer to ${key}`);
    expect(service('a', new Record())).toBe('answer to a');
    expect(layer.gauges()).toEqual({ totals: { coalesced: 0 }, now: { open: 0 } });
  });

  test('gets what is thrown at once, and nothing is listed', () => {
    const { service, layer } = coalesced(() => {
      throw new RecordError('missing_argument', 'no');
    });
    expect(() => service('a', new Record())).toThrow(RecordError);
    expect(layer.gauges().now.open).toBe(0);
  });

  test('gets what the key throws, and no call is made', () => {
    const held = new Held();
    const { service } = coalesced(held.service, () => {
      throw new RecordError('missing_argument', 'no');
    });
    expect(() => service('a', new Record())).toThrow(RecordError);
    expect(held.calls).toHaveLength(0);
  });

  test('may begin an equal one while its call begins: then both have a call, and both are answered', async () => {
    const held = new Held();
    let inner: Promise<unknown> | undefined;
    const { service, layer } = coalesced((key, context) => {
      if (inner === undefined) {
        inner = Promise.resolve();
        inner = new Record().ask(service);
      }
      return held.service(key, context);
    });
    const outer = new Record().ask(service);
    expect(held.calls).toHaveLength(2);
    held.calls[0]?.resolve('one');
    held.calls[1]?.resolve('two');
    expect(await Promise.all([inner, outer])).toEqual(['one', 'two']);
    expect(layer.gauges().now.open).toBe(0);
  });
});

test('that it shares a call is reported to a request once, and not to the first one', async () => {
  const held = new Held();
  const { service } = coalesced(held.service);
  const shared: string[] = [];
  class Watched extends Record {
    override callShared(): void {
      shared.push('shared');
    }
  }
  const asked = [new Watched().ask(service), new Watched().ask(service)];
  expect(shared).toEqual(['shared']);
  held.calls[0]?.resolve('answer');
  expect(await Promise.all(asked)).toEqual(['answer', 'answer']);
});
