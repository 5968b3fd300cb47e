import { timedOut, type AsyncContext, type AsyncFunction, type ResultFuture } from './async-function.ts';
import type { RuntimeContext } from './runtime-context.ts';

/** What a function has that opens something for its calls: a client, a pool, a file. */
export interface RichFunction {
  /** Called once, before the first call; a failure ends everything before it begins. */
  open(runtime: RuntimeContext): void | Promise<void>;
  /** Called once after `open`, when no call is left; also after a failure, that of `open` included. */
  close(): void | Promise<void>;
}

/**
 * An AsyncFunction with a life of its own: opened once before its first call, closed once after its last, also after a
 * failure. An error of `open` or `close` ends the iteration. (Flink: RichAsyncFunction)
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

/** By its methods and not by its class: a function may come from another copy of this package. One of the two is enough. */
function isRich(fn: unknown): fn is Partial<RichFunction> {
  if (typeof fn !== 'object' || fn === null) return false;
  return ('open' in fn && typeof fn.open === 'function') || ('close' in fn && typeof fn.close === 'function');
}

/** Opens a function once and closes it once, in this order whatever happens; does nothing for one that is not rich. */
export class FunctionLife {
  readonly #fn: Partial<RichFunction> | undefined;
  #opened: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #opening = false;

  constructor(fn: unknown) {
    this.#fn = isRich(fn) ? fn : undefined;
  }

  /** `open` was called, and has not ended. */
  get opening(): boolean {
    return this.#opening;
  }

  /** Undefined where there is nothing to wait for. Rejects with what `open` failed with. Called once. */
  open(runtime: RuntimeContext): Promise<void> | undefined {
    const fn = this.#fn;
    if (fn === undefined) return undefined;
    this.#opening = true;
    this.#opened = (async () => fn.open?.(runtime))().finally(() => {
      this.#opening = false;
    });
    return this.#opened;
  }

  /** Undefined where nothing was opened. Waits for an `open` that is under way; the second call gives what the first gave. */
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
