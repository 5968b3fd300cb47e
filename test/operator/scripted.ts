import type { CallContext } from '../../src/core/call/call-context.ts';
import { virtualClock, type VirtualClock } from '../../src/core/time/virtual-clock.ts';
import type { Attempt } from '../../src/operator/attempt.ts';
import { AsyncWait } from '../../src/operator/async-wait.ts';
import type { PipelineObserver } from '../../src/core/observer/observer.ts';
import type { AsyncWaitObserver } from '../../src/operator/async-wait-options.ts';
import { BackpressureMeter } from '../../src/operator/backpressure-meter.ts';
import { KeyedQueue } from '../../src/operator/queues/keyed-queue.ts';
import { OrderedQueue } from '../../src/operator/queues/ordered-queue.ts';
import type { StreamQueue } from '../../src/operator/queues/queue.ts';
import { UnorderedQueue } from '../../src/operator/queues/unordered-queue.ts';
import { Watermark } from '../../src/operator/watermark.ts';

export type Mode = 'ordered' | 'unordered' | 'keyed';
export const modes: readonly Mode[] = ['ordered', 'unordered', 'keyed'];

/** In keyed mode the key of `a1` is `a`. */
export function queueOf<Out>(mode: Mode, capacity: number): StreamQueue<string, Out> {
  if (mode === 'ordered') return new OrderedQueue(capacity);
  if (mode === 'unordered') return new UnorderedQueue(capacity);
  return new KeyedQueue(capacity, (input) => input.slice(0, 1));
}

export interface ScriptedOptions {
  readonly mode?: Mode;
  readonly capacity?: number;
  readonly timeoutMs?: number;
  readonly immediateOutcome?: (input: string) => string;
  readonly invoke?: (input: string, attempt: Attempt<string, string>) => void;
  readonly onTimeout?: (input: string, attempt: Attempt<string, string>) => void;
  readonly onRoom?: () => void;
  readonly onEmit?: (output: string) => void;
  readonly onFlush?: () => void;
  readonly limitWaitCounts?: boolean;
  readonly observer?: AsyncWaitObserver & Pick<PipelineObserver, 'backpressure'>;
}

/** An operator whose calls, runs, reader and time the test controls. */
export class Scripted {
  readonly clock: VirtualClock = virtualClock();
  readonly wait: AsyncWait<string, string>;
  readonly meter: BackpressureMeter | undefined;
  /** Calls that were started, by input; the test completes them. */
  readonly calls = new Map<string, Attempt<string, string>>();
  readonly started: string[] = [];
  readonly cancelled: string[] = [];
  readonly output: string[] = [];
  readonly events: string[] = [];
  readonly #runs: (() => void)[] = [];
  readable = true;

  constructor(options: ScriptedOptions = {}) {
    const { mode = 'ordered', capacity = 2, timeoutMs = 0, immediateOutcome, invoke, onTimeout, observer } = options;
    this.meter = observer && new BackpressureMeter(observer.backpressure, this.clock);
    const readable = (): boolean => this.readable;
    this.wait = new AsyncWait<string, string>({
      queue: queueOf(mode, capacity),
      timeoutMs,
      clock: this.clock,
      immediateOutcome,
      invoke: (input, attempt) => {
        this.started.push(input);
        this.calls.set(input, attempt);
        attempt.onCancel(() => this.cancelled.push(input));
        invoke?.(input, attempt);
      },
      onTimeout: onTimeout ?? ((input, attempt) => attempt.complete(`${input} timed out`)),
      onError: (error, input) => `${input} failed: ${error instanceof Error ? error.message : String(error)}`,
      downstream: {
        get ready() {
          return readable();
        },
        emit: (output) => {
          this.output.push(output);
          options.onEmit?.(output);
        },
        emitBarrier: (barrier) => void this.output.push(`| ${String(barrier.value)}`),
        flush: () => {
          this.events.push('flush');
          options.onFlush?.();
        },
      },
      onRoom: () => {
        this.events.push('room');
        options.onRoom?.();
      },
      onEnd: () => void this.events.push('end'),
      schedule: (run) => void this.#runs.push(run),
      observer,
      limitWaitCounts: options.limitWaitCounts ?? false,
      backpressure: this.meter,
    });
  }

  offer(...inputs: string[]): boolean[] {
    return inputs.map((input) => this.wait.offer(input));
  }

  watermark(value: unknown): boolean {
    return this.wait.offerBarrier(new Watermark(value));
  }

  call(input: string): Attempt<string, string> & CallContext {
    const attempt = this.calls.get(input);
    if (attempt === undefined) throw new Error(`${input} was not started`);
    return attempt;
  }

  complete(...inputs: string[]): void {
    for (const input of inputs) this.call(input).complete(input.toUpperCase());
  }

  /** A turn of the event loop: calls the scheduled runs, and those that they schedule. */
  turn(): void {
    for (let run = this.#runs.shift(); run !== undefined; run = this.#runs.shift()) run();
  }
}
