import { deepEqual } from 'node:assert/strict';
import { beforeEach, onTestFinished } from 'vitest';

/**
 * Loaded before every test file: when a test has ended, and what it cleans up itself is done, no timer of Millrace is
 * left, and nothing more listens to the process than before it.
 *
 * All timers of Millrace are made by `core/time`, which takes the functions of the runtime when it is loaded: it gets
 * counting ones here. Those of the test runner and of packages are not counted.
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

/** What a test closes last may take a few turns of the event loop to be gone. */
const settlingTurns = 50;

beforeEach(() => {
  const before = { timers: running.size, listeners: listeners() };
  // Hooks of this kind run last one first, so this one sees what the test itself has cleaned up.
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
