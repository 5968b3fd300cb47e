import { systemClock, type Clock } from '../core/time.ts';

export interface WaitOptions<In, Out> {
  /** Milliseconds that a record may take, over all attempts. 0 = no limit. */
  readonly timeout: number;
  /** Records and watermarks that may be under way: running, or complete and not yet read. Default 100, as Flink's. */
  readonly capacity?: number;
  /** Ends the iteration by throwing its reason. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Names the operator in messages. Default: the name of what was called, as `orderedWait`. */
  readonly taskName?: string;
  /** Turns the error of a record into values. Without it the error ends the iteration by being thrown. */
  readonly onError?: (error: unknown, input: In) => Iterable<Out>;
}

export interface KeyedWaitOptions<In, Out> extends WaitOptions<In, Out> {
  /** Records of one key are called one at a time, in order. What it throws is an error of the record. */
  readonly key: (input: In) => string;
}

/** The options with every default applied. */
export interface WaitSettings<In, Out> {
  readonly timeoutMs: number;
  readonly capacity: number;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  readonly taskName: string;
  readonly onError: ((error: unknown, input: In) => Iterable<Out>) | undefined;
  /** Throws what is wrong with an input before the function is called with it. */
  readonly guard: ((input: In) => void) | undefined;
}

/** Throws RangeError for a timeout or a capacity that can not be. */
export function settingsOf<In, Out>(name: string, options: WaitOptions<In, Out>): WaitSettings<In, Out> {
  const { timeout, capacity = 100, signal, clock = systemClock, taskName = name, onError } = options;
  if (typeof timeout !== 'number' || !(timeout >= 0)) {
    throw new RangeError(`${taskName}: timeout is milliseconds, 0 for none, not ${String(timeout)}`);
  }
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new RangeError(`${taskName}: capacity is a whole number of at least 1, not ${String(capacity)}`);
  }
  const timeoutMs = Number.isFinite(timeout) ? timeout : 0;
  return { timeoutMs, capacity, signal, clock, taskName, onError, guard: undefined };
}

/**
 * The queue asks for a key and can not fail; the record can. So the key is read twice: here for the queue, where an
 * error is no key, and by the guard, where it is the outcome.
 */
export function keyReader<In>(
  taskName: string,
  key: (input: In) => string,
): { readonly guard: (input: In) => void; readonly keyOf: (input: In) => string | undefined } {
  function read(input: In): string {
    const found: unknown = key(input);
    if (typeof found === 'string') return found;
    throw new TypeError(`${taskName}: the key of a record is a string, not ${found === null ? 'null' : typeof found}`);
  }
  return {
    guard: (input) => void read(input),
    keyOf(input) {
      try {
        return read(input);
      } catch {
        return undefined;
      }
    },
  };
}
