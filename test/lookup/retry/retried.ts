import { InputEnd, type CallContext } from '../../../src/core/call/call-context.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { virtualClock, type VirtualClock } from '../../../src/core/time/virtual-clock.ts';
import type { Service } from '../../../src/lookup/lookup.ts';
import { plainRules, retry, type RetryRules } from '../../../src/lookup/retry/retry.ts';

/** A call that the layer made, and that the test answers. */
interface Held {
  readonly context: CallContext;
  readonly atMs: number;
  resolve(value: string): void;
  reject(error: unknown): void;
}

/** Counts its hooks and its waits. */
class WatchedCaller extends Cancellation {
  hooks = 0;
  waiting = 0;

  override onCancel(hook: (reason: unknown) => void): () => void {
    this.hooks++;
    const forget = super.onCancel(hook);
    return () => {
      this.hooks--;
      forget();
    };
  }

  override retryWaiting(delta: 1 | -1): void {
    this.waiting += delta;
  }
}

class WatchedEnd extends InputEnd {
  hooks = 0;

  override onEnd(hook: () => void): () => void {
    this.hooks++;
    const forget = super.onEnd(hook);
    return () => {
      this.hooks--;
      forget();
    };
  }
}

export interface Scene {
  readonly clock: VirtualClock;
  readonly calls: Held[];
  readonly caller: WatchedCaller;
  readonly inputEnd: WatchedEnd;
  readonly counts: { called: number; retried: number; permits: number };
  ask(): string | Promise<string>;
  /** The outcome: the answer or the error. */
  readonly outcome: () => unknown;
}

/** Retries `retries` times, each after 100 ms: the result 'empty', and every failure but 'final'. */
export function scene(retries: number, more: Partial<RetryRules<string>> = {}, deadline = Infinity): Scene {
  const clock = virtualClock();
  const calls: Held[] = [];
  const inputEnd = new WatchedEnd();
  const caller = new WatchedCaller(deadline, 1, inputEnd);
  const counts = { called: 0, retried: 0, permits: 0 };
  const rules: RetryRules<string> = {
    ...plainRules,
    canRetry: (attempt) => attempt <= retries,
    onResult: (result) => result === 'empty',
    onError: (error) => error !== 'final',
    delayMs: () => 100,
    permit: () => ++counts.permits > 0,
    called: () => void counts.called++,
    retried: () => void counts.retried++,
    ...more,
  };
  const inner: Service<string, string> = (_, context) =>
    new Promise((resolve, reject) => void calls.push({ context, atMs: clock.now(), resolve, reject }));
  const service = retry<string, string>(rules, { clock })(inner);
  let outcome: unknown;
  return {
    clock,
    calls,
    caller,
    inputEnd,
    counts,
    ask() {
      const answer = service('a', caller);
      Promise.resolve(answer).then(
        (value) => (outcome = value),
        (error: unknown) => (outcome = error),
      );
      return answer;
    },
    outcome: () => outcome,
  };
}

/** The timers, hooks and waits that are left. */
export function leftovers({ clock, caller, inputEnd }: Scene): object {
  return { timers: clock.timers, cancelHooks: caller.hooks, endHooks: inputEnd.hooks, waiting: caller.waiting };
}

export const nothingLeft = { timers: 0, cancelHooks: 0, endHooks: 0, waiting: 0 };
