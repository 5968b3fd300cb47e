import { collect, type AsyncFn, type AsyncFunction } from '../operator/async-function.ts';
import { AsyncWait } from '../operator/async-wait.ts';
import type { StreamQueue } from '../operator/queue.ts';
import { Watermark } from '../operator/watermark.ts';
import { Failure, invocation, type Outcome } from './invocation.ts';
import { protectInput } from './protect.ts';
import { Results } from './results.ts';
import { SourcePump, type Source } from './source.ts';
import type { WaitSettings } from './wait-options.ts';

/** Puts source, operator and reading end together. Nothing runs before the first `next`. */
export function iterate<Item, Out>(
  source: Source<Item>,
  fn: AsyncFn<Exclude<Item, Watermark>, Out> | AsyncFunction<Exclude<Item, Watermark>, Out>,
  settings: WaitSettings<Exclude<Item, Watermark>, Out>,
  queue: StreamQueue<Exclude<Item, Watermark>, Outcome<Out>>,
): Results<Item, Out> {
  type In = Exclude<Item, Watermark>;
  const { timeoutMs, clock, signal, guard, onError } = settings;
  const { invoke, onTimeout } = invocation(fn);
  let pump: SourcePump<Item> | undefined;
  let sourceFailure: Failure | undefined;

  const results = new Results<Item, Out>({
    start() {
      if (signal?.aborted === true) return results.fail(signal.reason);
      signal?.addEventListener('abort', abort, { once: true });
      pump = new SourcePump(source, {
        hasRoom: () => wait.hasRoom(),
        take(item) {
          if (Watermark.is(item)) wait.offerBarrier(item);
          else wait.offer(protectInput(item as In));
        },
        end(failure) {
          if (failure !== undefined) sourceFailure = new Failure(failure.error);
          wait.end();
        },
      });
      pump.pull();
      wait.drain();
    },
    drain: () => wait.drain(),
    async stop(reason) {
      signal?.removeEventListener('abort', abort);
      wait.abort(reason);
      await pump?.close();
    },
  });

  const wait = new AsyncWait<In, Outcome<Out>>({
    queue,
    timeoutMs,
    clock,
    invoke:
      guard === undefined
        ? invoke
        : (input, attempt) => {
            guard(input);
            invoke(input, attempt);
          },
    onTimeout,
    onError(error, input) {
      if (onError === undefined) return new Failure(error);
      try {
        return collect(onError(error, input));
      } catch (thrown) {
        return new Failure(thrown);
      }
    },
    downstream: results,
    onRoom: () => pump?.pull(),
    onEnd() {
      signal?.removeEventListener('abort', abort);
      results.finish(sourceFailure);
    },
    // A microtask: whoever reads goes on at once, and completions of the same moment are still taken together.
    schedule: queueMicrotask,
    observer: undefined,
  });

  function abort(): void {
    results.fail(signal?.reason);
  }

  return results;
}
