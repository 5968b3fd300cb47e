import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { UncaughtErrors } from '../../../src/cli/serve/uncaught-errors.ts';
import { Secrets } from '../../../src/core/secrets/secrets.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { createLogger } from '../../../src/observability/log/logger.ts';

const inModule = (message: string): Error =>
  Object.assign(new Error(message), {
    stack: `Error: ${message}\n    at find (file:///srv/find.mjs?generation=2:3:4)`,
  });

function started({ serving = true } = {}) {
  const process = new EventEmitter();
  const clock = virtualClock();
  const lines: { readonly [member: string]: unknown }[] = [];
  const failed: unknown[] = [];
  const logger = createLogger({
    level: 'info',
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
    secrets: new Secrets(),
  });
  const uncaught = new UncaughtErrors({ process, clock, logger, startFailed: (thrown) => void failed.push(thrown) });
  uncaught.listen();
  if (serving) uncaught.serving();
  const reject = (reason: unknown): Promise<unknown> => {
    const promise = Promise.reject(reason);
    promise.catch(() => {});
    process.emit('unhandledRejection', reason, promise);
    return promise;
  };
  return { process, clock, lines, failed, uncaught, reject };
}

describe('an exception that no code caught', () => {
  test('is logged with its stack, and counted by the owner of the code that threw it', () => {
    const { process, lines, uncaught } = started();
    process.emit('uncaughtException', inModule('theirs'));
    process.emit('uncaughtException', new Error('of a test'));
    const ours = new URL('../../../src/http/app.ts', import.meta.url);
    const stack = `Error: ours\n    at node:internal/timers:1:2\n    at f (/x/node_modules/a/b.js:1:2)\n    at g (${ours.pathname}:1:2)\n    at h (/srv/find.mjs:1:2)`;
    process.emit('uncaughtException', Object.assign(new Error('ours'), { stack }));
    process.emit('uncaughtException', 'no error');
    expect(lines.map(({ level, origin, source }) => [level, origin, source])).toEqual([
      ['error', 'exception', 'module'],
      ['error', 'exception', 'module'],
      ['error', 'exception', 'millrace'],
      ['error', 'exception', 'unknown'],
    ]);
    expect(lines[0]).toMatchObject({
      err: { type: 'Error', message: 'theirs', stack: expect.stringContaining('find.mjs') },
      msg: 'no code caught this error; the service goes on',
    });
    expect(uncaught.count('exception', 'module')).toBe(2);
    expect(uncaught.count('exception', 'millrace')).toBe(1);
    expect(uncaught.count('rejection', 'module')).toBe(0);
  });

  test.each([
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['a Proxy whose traps throw', new Proxy(new Error('x'), { get: () => JSON.parse('{') }), /cannot be described/],
    [
      'an error whose message throws',
      Object.defineProperty(new Error('x'), 'message', { get: () => JSON.parse('{') }),
      /./,
    ],
    ['a symbol', Symbol('s'), /^Symbol/],
  ])('may be any value: %s', (_, thrown, message) => {
    const { process, lines, uncaught } = started();
    process.emit('uncaughtException', thrown);
    expect(lines).toMatchObject([{ err: { message: expect.stringMatching(message) } }]);
    expect(uncaught.count('exception', 'unknown') + uncaught.count('exception', 'module')).toBe(1);
  });

  test('ends a start, because a step of it may be missing', () => {
    const { process, lines, failed, uncaught } = started({ serving: false });
    const error = inModule('too early');
    process.emit('uncaughtException', error);
    expect(failed).toEqual([error]);
    expect(lines).toEqual([]);
    uncaught.serving();
    process.emit('uncaughtException', error);
    expect(failed).toHaveLength(1);
    expect(lines).toHaveLength(1);
  });

  test('is counted, but not always logged, when there are very many', async () => {
    const { process, clock, lines, uncaught } = started();
    for (let n = 0; n < 100; n++) process.emit('uncaughtException', inModule('again'));
    expect(lines).toHaveLength(10);
    await clock.advance(1000);
    process.emit('uncaughtException', inModule('again'));
    process.emit('uncaughtException', inModule('again'));
    expect(lines.slice(10).map(({ unlogged }) => unlogged)).toEqual([90, undefined]);
    expect(uncaught.count('exception', 'module')).toBe(102);
  });
});

describe('a rejection that no code handled', () => {
  test('is reported a second later', async () => {
    const { clock, lines, uncaught, reject } = started();
    void reject(inModule('forgotten'));
    await clock.advance(999);
    expect(lines).toEqual([]);
    await clock.advance(1);
    expect(lines).toMatchObject([{ origin: 'rejection', source: 'module', err: { message: 'forgotten' } }]);
    expect(uncaught.count('rejection', 'module')).toBe(1);
  });

  test('is not reported if it is handled by then', async () => {
    const { process, clock, lines, uncaught, reject } = started();
    const handled = reject(inModule('awaited later'));
    await clock.advance(999);
    process.emit('rejectionHandled', handled);
    await clock.advance(10_000);
    process.emit('rejectionHandled', handled);
    expect(lines).toEqual([]);
    expect(uncaught.count('rejection', 'module')).toBe(0);
  });

  test('does not end a start', async () => {
    const { clock, failed, lines, reject } = started({ serving: false });
    void reject(inModule('forgotten'));
    await clock.advance(1000);
    expect([failed.length, lines.length]).toEqual([0, 1]);
  });

  test('is reported at once if a thousand already wait, or when the service ends', () => {
    const { process, uncaught, reject } = started();
    for (let n = 0; n < 1001; n++) void reject(inModule('forgotten'));
    expect(uncaught.count('rejection', 'module')).toBe(1);
    uncaught.close();
    expect(uncaught.count('rejection', 'module')).toBe(1001);
    expect(process.eventNames()).toEqual([]);
  });
});
