import { bothGates, type Gate } from '../../core/call/gate.ts';
import type { LayerGauges } from '../../core/observer/observer.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Layer, LayerEntry } from '../lookup.ts';
import type { ConcurrencyOptions } from './limit-options.ts';

/**
 * The layer `concurrency`: bounds the calls of a lookup that run at the same time, over all streams of the process.
 *
 *     concurrency: 50
 *
 *     const concurrency = new Concurrency<Arguments, Answer>(50);
 *     const limit = new Limit<Arguments, Answer>(concurrency.gate(connector.gate));
 *     const service = stack(connector.call, limit.layer, concurrency.layer);
 *
 * It counts the calls that run, and is the gate before them: open while fewer than `limit` run. It has no queue: a call
 * waits in the limit above, once, for all gates. A call holds its place until its promise settles, whatever the outcome:
 * a call that is cancelled, or whose `timeout` ends, gives its place back at once.
 */
export class Concurrency<Req, Res> implements LayerEntry<Req, Res>, Gate {
  readonly name = 'concurrency';
  readonly limit: number;
  #running = 0;
  #onOpen: (() => void) | undefined = undefined;
  #openingScheduled = false;
  readonly #release = (): void => {
    this.#running--;
    if (this.#onOpen !== undefined && this.open) this.#scheduleOpening();
  };

  constructor(limit: ConcurrencyOptions) {
    this.limit = limit;
  }

  gate(inner: Gate | undefined): Gate {
    return inner === undefined ? this : bothGates(this, inner);
  }

  get open(): boolean {
    return this.#running < this.limit;
  }

  whenOpen(hook: () => void): void {
    this.#onOpen = hook;
    if (this.open) this.#scheduleOpening();
  }

  readonly layer: Layer<Req, Res> = (inner) => (request, context) => {
    this.#running++;
    let answer: Res | Promise<Res>;
    try {
      answer = inner(request, context);
    } catch (error) {
      this.#release();
      throw error;
    }
    if (answer instanceof Promise) answer.then(this.#release, this.#release);
    else this.#release();
    return answer;
  };

  gauges(): LayerGauges {
    return { now: { limit: this.limit, running: this.#running } };
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
