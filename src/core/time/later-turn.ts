import { Fifo } from '../fifo.ts';

// The globals that every JavaScript runtime has, and the immediates of Node.js, which browsers lack.
const { queueMicrotask, setImmediate = byMessage } = globalThis as typeof globalThis & {
  readonly setImmediate?: (run: () => void) => unknown;
};

/**
 * Work of later turns, counted until it runs.
 *
 *     inLaterTurn(work) ──▶ works [ work | work | … ]      one immediate for each work
 *                                     ▲
 *                 immediate ──▶ runOldest
 *
 * Immediates run in the order in which they were made, so each runs the oldest work, and none needs a closure.
 */
const works = new Fifo<() => void>();

function runOldest(): void {
  works.shift()?.();
}

/** Runs `work` in a later turn of the event loop, after the promise jobs of this one. Works run in order, each in an immediate of its own. */
export function inLaterTurn(work: () => void): void {
  works.push(work);
  setImmediate(runOldest);
}

/** Resolves in a later turn of the event loop. */
export function laterTurn(): Promise<void> {
  return new Promise(inLaterTurn);
}

/**
 * Resolves when nothing is outstanding: no promise job (a turn of the event loop ends when all of them have run) and no
 * work of `inLaterTurn`, including those that such jobs and works schedule. Timers, input and output, and immediates
 * that other code sets are not counted.
 */
export async function settled(): Promise<void> {
  do {
    // This turn is not counted, so that two callers do not wait for each other.
    // oxlint-disable-next-line no-await-in-loop
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  } while (works.size > 0);
}

/** Runs `work` in this turn of the event loop, after the promise jobs that are queued already. */
export function inMicrotask(work: () => void): void {
  queueMicrotask(work); // Called as a function: a browser refuses to call it as a method of another object.
}

/** A browser has no immediates. A message that a page sends to itself also arrives in a later turn. */
function byMessage(run: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', () => {
    port1.close();
    run();
  });
  port1.start();
  port2.postMessage(undefined);
}
