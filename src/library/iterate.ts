import { inMicrotask } from '../core/time/later-turn.ts';
import { collectFrom, type Fn } from '../operator/async-function.ts';
import { AsyncWait } from '../operator/async-wait.ts';
import type { StreamQueue } from '../operator/queues/queue.ts';
import { FunctionLife } from '../operator/rich-function.ts';
import { runtimeContext } from '../operator/runtime-context.ts';
import { Watermark } from '../operator/watermark.ts';
import { seqOf } from './checkpoint/checkpoint.ts';
import { CheckpointQueue } from './checkpoint/checkpoint-queue.ts';
import { Failure, ElementFailure } from './failure.ts';
import { invocation, retriedInvocation, type Invocation, type FunctionOutcome } from './invocation.ts';
import { protectInput } from './checkpoint/protect.ts';
import { Results, type ResultsOwner, type Stopped } from './results.ts';
import { SourcePump, type Source } from './source.ts';
import type { WaitSettings } from './options/wait-options.ts';

type RecordOf<Item> = Exclude<Item, Watermark>;

/** Connects source, operator, function and results. Nothing runs before the first `next`. */
export function iterate<Item, Out>(
  source: Source<Item>,
  fn: Fn<RecordOf<Item>, Out>,
  settings: WaitSettings<RecordOf<Item>, Out>,
  queue: StreamQueue<RecordOf<Item>, FunctionOutcome<Out>>,
): Results<Item, Out> {
  return new Iteration(source, fn, settings, queue).results;
}

/**
 * One iteration, from the first `next` to its end.
 *
 *     start ──▶ open ──▶ pump ⇄ wait ⇄ results ──▶ last result ──▶ close ──▶ finish
 *                 │         │      │        └ left, or failed ──▶ abort, close, release
 *                 └─────────┴──────┴ fails
 */
class Iteration<Item, Out> implements ResultsOwner {
  readonly results: Results<Item, Out>;
  readonly #source: Source<Item>;
  readonly #settings: WaitSettings<RecordOf<Item>, Out>;
  readonly #life: FunctionLife;
  #checkpoints: CheckpointQueue<RecordOf<Item>, FunctionOutcome<Out>> | undefined;
  readonly #wait: AsyncWait<RecordOf<Item>, FunctionOutcome<Out>>;
  readonly #abort = (): void => this.results.fail(this.#settings.signal?.reason);
  #pump: SourcePump<Item> | undefined;
  #sourceFailure: Failure | undefined;

  constructor(
    source: Source<Item>,
    fn: Fn<RecordOf<Item>, Out>,
    settings: WaitSettings<RecordOf<Item>, Out>,
    queue: StreamQueue<RecordOf<Item>, FunctionOutcome<Out>>,
  ) {
    const { timeoutMs, clock, onError, onCheckpoint, resumeFrom } = settings;
    this.results = new Results(this, onCheckpoint !== undefined);
    this.#source = source;
    this.#settings = settings;
    this.#life = new FunctionLife(fn);
    this.#checkpoints = onCheckpoint === undefined ? undefined : new CheckpointQueue(queue, resumeFrom);
    this.#wait = new AsyncWait<RecordOf<Item>, FunctionOutcome<Out>>({
      queue: this.#checkpoints ?? queue,
      timeoutMs,
      clock,
      ...invocationOf(fn, settings),
      onError(error, input, slotNumber) {
        let failed = error;
        if (onError !== undefined) {
          try {
            return collectFrom('onError', onError(error, input));
          } catch (thrown) {
            failed = thrown;
          }
        }
        return new ElementFailure(failed, input, seqOf(resumeFrom, slotNumber));
      },
      downstream: this.results,
      onRoom: () => this.#pump?.pull(),
      onEnd: () => this.#ended(),
      // In a microtask, the reader goes on within this turn of the event loop, and completions of one moment are still
      // emitted together.
      schedule: inMicrotask,
      observer: undefined,
      limitWaitCounts: false,
      backpressure: undefined,
    });
  }

  start(): void {
    const { signal } = this.#settings;
    if (signal?.aborted === true) return this.results.fail(signal.reason);
    signal?.addEventListener('abort', this.#abort, { once: true });
    try {
      this.#pump = this.#openSource();
    } catch (error) {
      return this.results.fail(error);
    }
    const opened = this.#life.open(runtimeContext(this.#settings));
    if (opened === undefined) return this.#run();
    opened.then(
      () => this.#run(),
      (error: unknown) => this.results.fail(error),
    );
  }

  readerWaits(): void {
    this.#wait.downstreamReady();
  }

  delivered(): Failure | undefined {
    const checkpoints = this.#checkpoints;
    if (checkpoints === undefined) return undefined;
    const { onCheckpoint, checkpointEvery } = this.#settings;
    if (checkpoints.taken < checkpointEvery) return undefined;
    try {
      onCheckpoint?.(checkpoints.checkpoint());
      return undefined;
    } catch (error) {
      return new Failure(error);
    }
  }

  stop(reason: unknown): Stopped {
    this.#settings.signal?.removeEventListener('abort', this.#abort);
    // The reader may not have received the record that was taken last, so no checkpoint is made any more.
    this.#checkpoints = undefined;
    this.#wait.abort(reason);
    const { opening } = this.#life;
    const closed = this.#life.close();
    // An `open` that never ends does not delay the end of the iteration.
    if (opening) closed?.catch(() => {});
    return { closed: opening ? undefined : closed, released: this.#pump?.close() ?? Promise.resolve() };
  }

  #openSource(): SourcePump<Item> {
    const wait = this.#wait;
    const pending = this.#settings.resumeFrom.pending.map(({ input }) => input as Item);
    return new SourcePump(pending, this.#source, {
      hasRoom: () => wait.makeRoom(),
      take(item) {
        if (Watermark.is(item)) wait.offerBarrier(item);
        else wait.offer(protectInput(item as RecordOf<Item>));
      },
      end: (failure) => {
        if (failure !== undefined) this.#sourceFailure = new Failure(failure.error);
        wait.end(this.#settings.endOfInput === 'lastAttempt');
      },
    });
  }

  #run(): void {
    this.#pump?.pull();
    this.#wait.downstreamReady();
  }

  #ended(): void {
    this.#settings.signal?.removeEventListener('abort', this.#abort);
    const closed = this.#life.close();
    if (closed === undefined) return this.results.finish(this.#sourceFailure);
    closed.then(
      () => this.results.finish(this.#sourceFailure),
      (error: unknown) => this.results.finish(this.#sourceFailure ?? new Failure(error)),
    );
  }
}

function invocationOf<In, Out>(fn: Fn<In, Out>, settings: WaitSettings<In, Out>): Invocation<In, Out> {
  const { retryStrategy, clock, guard } = settings;
  const called = retryStrategy === undefined ? invocation(fn) : retriedInvocation(fn, retryStrategy, clock);
  if (guard === undefined) return called;
  return {
    invoke(input, attempt) {
      guard(input);
      called.invoke(input, attempt);
    },
    onTimeout: called.onTimeout,
  };
}
