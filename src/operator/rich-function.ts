import { timedOut, type AsyncContext, type AsyncFunction, type ResultFuture } from './async-function.ts';
import type { RuntimeContext } from './runtime-context.ts';

/** The methods of a function that opens something for its calls: a client, a pool, a file. */
export interface RichFunction {
  /** Called once, before the first call. If it fails, no call is made. */
  open(runtime: RuntimeContext): void | Promise<void>;
  /** Called once after `open`, when no call runs any more; also after a failure, including a failure of `open`. */
  close(): void | Promise<void>;
}

/**
 * An AsyncFunction that is opened once before its first call and closed once after its last one, also after a failure.
 * An error of `open` or `close` ends the iteration. (Flink: RichAsyncFunction)
 *
 *     class Rows extends RichAsyncFunction {
 *       async open({ parameters }) { this.client = await connect(parameters.url); }
 *       asyncInvoke(id, result) { this.client.row(id).then((row) => result.complete([row]), (error) => result.completeExceptionally(error)); }
 *       close() { return this.client.end(); }
 *     }
 */
export abstract class RichAsyncFunction<In, Out> implements AsyncFunction<In, Out>, RichFunction {
  open(_runtime: RuntimeContext): void | Promise<void> {}

  close(): void | Promise<void> {}

  abstract asyncInvoke(input: In, result: ResultFuture<Out>, context: AsyncContext): void;

  /** Completes with the error `timeout`, at once. */
  timeout(_input: In, result: ResultFuture<Out>, _context: AsyncContext): void {
    result.completeExceptionally(timedOut());
  }
}

/** Checks the methods, not the class: a function may come from another copy of this package. One of the two is enough. */
function isRich(fn: unknown): fn is Partial<RichFunction> {
  if (typeof fn !== 'object' || fn === null) return false;
  return ('open' in fn && typeof fn.open === 'function') || ('close' in fn && typeof fn.close === 'function');
}

/** Opens a function once and closes it once, always in this order. Does nothing for a function without `open` and `close`. */
export class FunctionLife {
  readonly #fn: Partial<RichFunction> | undefined;
  #opened: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #opening = false;

  constructor(fn: unknown) {
    this.#fn = isRich(fn) ? fn : undefined;
  }

  /** Whether `open` was called and has not ended. */
  get opening(): boolean {
    return this.#opening;
  }

  /** Called once. Undefined if the function has nothing to open. Rejects with the error of `open`. */
  open(runtime: RuntimeContext): Promise<void> | undefined {
    const fn = this.#fn;
    if (fn === undefined) return undefined;
    this.#opening = true;
    this.#opened = (async () => fn.open?.(runtime))().finally(() => {
      this.#opening = false;
    });
    return this.#opened;
  }

  /** Undefined if nothing was opened. Waits for an `open` that has not ended. A second call returns the promise of the first. */
  close(): Promise<void> | undefined {
    const fn = this.#fn;
    if (fn === undefined || this.#opened === undefined) return undefined;
    this.#closed ??= this.#opened.then(
      () => fn.close?.(),
      () => fn.close?.(),
    );
    return this.#closed;
  }
}
