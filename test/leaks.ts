import { deepEqual } from 'node:assert/strict';
import { beforeEach, onTestFinished } from 'vitest';

/**
 * Loaded before every test file. Fails a test that leaves a timer of Millrace, or a listener on the process, after its
 * own clean-up is done.
 *
 * All timers of Millrace are made by `core/time`, which reads `setTimeout` and `clearTimeout` when it is loaded. Here it
 * is loaded with functions that count. Timers of the test runner and of packages are not counted.
 */
const running = new Set<NodeJS.Timeout>();
const { setTimeout: set, clearTimeout: clear } = globalThis;

globalThis.setTimeout = Object.assign((fire: () => void, ms?: number): NodeJS.Timeout => {
  const timer = set(() => {
    running.delete(timer);
    fire();
  }, ms);
  running.add(timer);
  return timer;
}, set);
globalThis.clearTimeout = (timer) => {
  if (typeof timer === 'object') running.delete(timer);
  clear(timer);
};
await import('../src/core/time/time.ts');
Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });

function listeners(): Readonly<Record<string, number>> {
  return Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)]));
}

/** A timer that a test clears at its end may take a few turns of the event loop to disappear. */
const settlingTurns = 50;

beforeEach(() => {
  const before = { timers: running.size, listeners: listeners() };
  // `onTestFinished` runs the last hook first, so this hook runs after the clean-up of the test itself.
  onTestFinished(async () => {
    for (let turn = 0; turn < settlingTurns && running.size > before.timers; turn++) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    const after = { timers: Math.max(running.size, before.timers), listeners: listeners() };
    deepEqual(after, before, 'this test has left a timer, or a listener on the process');
  });
});
