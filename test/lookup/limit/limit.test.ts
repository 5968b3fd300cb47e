import { describe, expect, test } from 'vitest';
import { InputEnd } from '../../../src/core/call/call-context.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import type { Gate } from '../../../src/core/call/gate.ts';
import { Limit, unlimited } from '../../../src/lookup/limit/limit.ts';
import { timeout } from '../../../src/lookup/timeout.ts';

/** A gate with places that the test frees one by one. */
class Places implements Gate {
  free: number;
  #hook: (() => void) | undefined;

  constructor(free: number) {
    this.free = free;
  }

  get open(): boolean {
    return this.free > 0;
  }

  whenOpen(hook: () => void): void {
    this.#hook = hook;
  }

  giveBack(): void {
    this.free++;
    const hook = this.#hook;
    this.#hook = undefined;
    hook?.();
  }
}

/** Notes what is reported to the record of the calls. */
class Watched extends Cancellation {
  readonly heard: string[] = [];

  override limitWaiting(delta: 1 | -1): void {
    this.heard.push(delta === 1 ? 'waits' : 'waits no more');
  }

  override callBegins(): void {
    this.heard.push('begins');
  }
}

function limited(places: Places): { limit: Limit<string, string>; made: string[]; answers: Map<string, () => void> } {
  return { limit: new Limit<string, string>(places), made: [], answers: new Map() };
}

async function ask(
  subject: ReturnType<typeof limited>,
  places: Places,
  name: string,
  context = new Cancellation(),
): Promise<string> {
  return subject.limit.layer((request) => {
    places.free--;
    subject.made.push(request);
    return new Promise((resolve) => subject.answers.set(request, () => resolve(request.toUpperCase())));
  })(name, context);
}

describe('a call', () => {
  test('begins at once while the gate is open and no other call waits', () => {
    const places = new Places(1);
    const subject = limited(places);
    const context = new Watched();
    void ask(subject, places, 'a', context);
    expect([subject.made, context.heard]).toEqual([['a'], ['begins']]);
  });

  test('waits for its turn when the gate is closed, and reports its wait and its beginning to its record', async () => {
    const places = new Places(0);
    const subject = limited(places);
    const context = new Watched();
    const answer = ask(subject, places, 'a', context);
    expect([subject.made, subject.limit.waiting, context.heard]).toEqual([[], 1, ['waits']]);
    places.giveBack();
    expect([subject.made, subject.limit.waiting]).toEqual([['a'], 0]);
    expect(context.heard).toEqual(['waits', 'waits no more', 'begins']);
    subject.answers.get('a')?.();
    expect(await answer).toBe('A');
  });

  test('does not overtake waiting calls, although the gate is open', () => {
    const places = new Places(0);
    const subject = limited(places);
    void ask(subject, places, 'a');
    places.free = 1;
    void ask(subject, places, 'b');
    expect(subject.made).toEqual([]);
    places.giveBack();
    expect(subject.made).toEqual(['a', 'b']);
  });

  test('that is cancelled while it waits fails with the reason and is never made', async () => {
    const places = new Places(0);
    const subject = limited(places);
    const context = new Watched();
    const other = ask(subject, places, 'b');
    const answer = ask(subject, places, 'a', context);
    context.cancel(new RecordError('timeout', 'too late'));
    await expect(answer).rejects.toMatchObject({ code: 'timeout' });
    expect([subject.limit.waiting, context.heard]).toEqual([1, ['waits', 'waits no more']]);
    places.giveBack();
    subject.answers.get('b')?.();
    expect([await other, subject.made]).toEqual(['B', ['b']]);
  });

  test('that was cancelled before it was made fails and does not wait', async () => {
    const places = new Places(0);
    const subject = limited(places);
    const context = new Cancellation();
    context.cancel('client gone');
    await expect(ask(subject, places, 'a', context)).rejects.toMatchObject({ code: 'cancelled' });
    expect(subject.limit.waiting).toBe(0);
  });

  test('that throws when its turn comes fails, and the next one has its turn', async () => {
    const places = new Places(0);
    const limit = new Limit<string, string>(places);
    const layered = limit.layer((request) => {
      if (request === 'a') throw new RecordError('missing_argument', 'no {iata}');
      return request.toUpperCase();
    });
    const call = async (request: string, context: Cancellation): Promise<string> => layered(request, context);
    const answers = [call('a', new Cancellation()), call('b', new Cancellation())];
    places.giveBack();
    const [a, b] = await Promise.allSettled(answers);
    expect(a).toMatchObject({ reason: { code: 'missing_argument' } });
    expect(b).toMatchObject({ value: 'B' });
  });
});

test('turns go round the streams: a large one gets no more of them than a small one', () => {
  const places = new Places(0);
  const subject = limited(places);
  const [large, small] = [new InputEnd(), new InputEnd()];
  for (let n = 0; n < 1000; n++) void ask(subject, places, `large ${n}`, new Cancellation(Infinity, 1, large));
  for (let n = 0; n < 5; n++) void ask(subject, places, `small ${n}`, new Cancellation(Infinity, 1, small));
  for (let n = 0; n < 10; n++) places.giveBack();
  expect(subject.made.filter((name) => name.startsWith('small'))).toHaveLength(5);
});

test('the wait does not count against the time of the attempt', async () => {
  const clock = virtualClock();
  const places = new Places(0);
  const limit = new Limit<string, string>(places);
  const inner = timeout<string, string>({ timeoutMs: 100, clock })(() => new Promise(() => {}));
  const answer = Promise.resolve(limit.layer(inner)('a', new Cancellation()));
  let ended = false;
  const outcome = answer.catch((error: unknown) => {
    ended = true;
    return error;
  });
  await clock.advance(10_000);
  places.giveBack();
  await clock.advance(99);
  expect(ended).toBe(false);
  await clock.advance(1);
  expect(await outcome).toMatchObject({ code: 'timeout' });
});

test('closing fails the calls that wait', async () => {
  const places = new Places(0);
  const subject = limited(places);
  const answers = [ask(subject, places, 'a'), ask(subject, places, 'b')];
  const ended = Promise.allSettled(answers);
  subject.limit.close();
  expect(await ended).toMatchObject([{ reason: { code: 'cancelled' } }, { reason: { code: 'cancelled' } }]);
  expect(subject.limit.waiting).toBe(0);
});

test('without a limit a call begins at once', () => {
  const context = new Watched();
  expect(unlimited<string, string>()((request) => request.toUpperCase())('a', context)).toBe('A');
  expect(context.heard).toEqual(['begins']);
});
