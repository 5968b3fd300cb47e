import { bothGates, type Gate } from '../../core/call/gate.ts';
import { later, type Later, type Receiver } from '../../core/call/receiver.ts';
import type { LayerGauges } from '../../core/observer/observer.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Clock } from '../../core/time/time.ts';
import type { Layer, LayerEntry } from '../lookup.ts';
import { beginOf, serviceOf } from '../service.ts';
import { AdaptiveLimit } from './adaptive.ts';
import { endOfFailure } from './attempt-end.ts';
import type { ConcurrencyOptions } from './limit-options.ts';

/**
 * The layer `concurrency`: bounds the calls of a lookup that run at the same time, over all streams of the process.
 *
 *     concurrency: 50
 *     concurrency: { adaptive: { min: 5, max: 200 } }
 *
 *     const concurrency = new Concurrency<Arguments, Answer>(50, clock);
 *     const limit = new Limit<Arguments, Answer>(concurrency.gate(connector.gate));
 *     const service = stack(connector.call, limit.layer, concurrency.layer);
 *
 * It counts the calls that run, and is the gate before them: open while fewer than `limit` run. It has no queue: a call
 * waits in the limit above, once, for all gates. A call holds its place until its promise settles, whatever the outcome:
 * a call that is cancelled, or whose `timeout` ends, gives its place back at once. The adaptive limit measures one
 * attempt, from here: neither our own queue nor the waits of `retry` are in its round trip.
 */
export class Concurrency<Req, Res> implements LayerEntry<Req, Res>, Gate {
  readonly name = 'concurrency';
  readonly #fixed: number;
  /** The lowest value of an adaptive limit. */
  readonly #min: number;
  readonly #adaptive: AdaptiveLimit | undefined;
  /** The limit is computed, and no call waits for it. */
  readonly #observes: boolean;
  readonly #clock: Clock;
  #running = 0;
  #onOpen: (() => void) | undefined = undefined;
  #openingScheduled = false;

  constructor(options: ConcurrencyOptions, clock: Clock) {
    this.#clock = clock;
    this.#fixed = typeof options === 'number' ? options : 0;
    this.#min = typeof options === 'number' ? 0 : options.adaptive.min;
    this.#observes = typeof options === 'object' && options.observe;
    this.#adaptive =
      typeof options === 'number' ? undefined : new AdaptiveLimit({ ...options.adaptive, measures: !options.observe });
  }

  gate(inner: Gate | undefined): Gate {
    return inner === undefined ? this : bothGates(this, inner);
  }

  get limit(): number {
    return this.#adaptive?.limit ?? this.#fixed;
  }

  get open(): boolean {
    return this.#observes || this.#running < this.limit;
  }

  whenOpen(hook: () => void): void {
    this.#onOpen = hook;
    if (this.open) this.#scheduleOpening();
  }

  readonly layer: Layer<Req, Res> = (inner) => {
    const begin = beginOf(inner);
    return serviceOf((request, context, receiver, nowMs) => {
      this.#running++;
      const adaptive = this.#adaptive;
      const startedMs = adaptive === undefined ? 0 : (nowMs ?? this.#clock.now());
      adaptive?.began(this.#running, startedMs);
      let answer: Res | Later;
      try {
        answer = begin(request, context, new RunningCall(this, receiver, startedMs), nowMs);
      } catch (error) {
        // No call was made: the record lacks an argument.
        this.#release();
        throw error;
      }
      if (answer !== later) this.#release();
      return answer;
    });
  };

  /** For its calls. */
  callAnswered(startedMs: number, nowMs: number | undefined): void {
    this.#adaptive?.ended('answered', startedMs, nowMs ?? this.#clock.now());
    this.#release();
  }

  /** For its calls. */
  callFailed(startedMs: number, error: unknown): void {
    this.#adaptive?.ended(endOfFailure(error), startedMs, this.#clock.now());
    this.#release();
  }

  gauges(): LayerGauges {
    const now = { limit: this.limit, running: this.#running };
    const adaptive = this.#adaptive;
    if (adaptive === undefined) return { now };
    const { roundTripMs, unloadedMs, changes } = adaptive;
    const latest = {
      min: this.#min,
      ...(roundTripMs === undefined ? {} : { roundTripMs }),
      ...(unloadedMs === undefined ? {} : { unloadedMs }),
    };
    return { now, totals: { ...changes }, latest };
  }

  #release(): void {
    this.#running--;
    if (this.#onOpen !== undefined && this.open) this.#scheduleOpening();
  }

  /** In a later turn: no call is made while an answer, or a request of a client, is read. */
  #scheduleOpening(): void {
    if (this.#openingScheduled) return;
    this.#openingScheduled = true;
    inLaterTurn(() => {
      this.#openingScheduled = false;
      if (!this.open) return;
      const hook = this.#onOpen;
      this.#onOpen = undefined;
      hook?.();
    });
  }
}

/** Gives the place of a call back before it passes the outcome on. */
class RunningCall<Res> implements Receiver<Res> {
  readonly #concurrency: Pick<Concurrency<never, Res>, 'callAnswered' | 'callFailed'>;
  readonly #receiver: Receiver<Res>;
  /** Clock milliseconds, if the limit is adaptive. */
  readonly #startedMs: number;

  constructor(
    concurrency: Pick<Concurrency<never, Res>, 'callAnswered' | 'callFailed'>,
    receiver: Receiver<Res>,
    startedMs: number,
  ) {
    this.#concurrency = concurrency;
    this.#receiver = receiver;
    this.#startedMs = startedMs;
  }

  answered(answer: Res, nowMs?: number): void {
    this.#concurrency.callAnswered(this.#startedMs, nowMs);
    this.#receiver.answered(answer, nowMs);
  }

  failed(error: unknown): void {
    this.#concurrency.callFailed(this.#startedMs, error);
    this.#receiver.failed(error);
  }
}
