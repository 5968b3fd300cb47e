import type { Source } from '../../src/library/source.ts';
import { Watermark } from '../../src/operator/watermark.ts';
import type { Input, Model, Start } from './model.ts';
import type { Plan } from './plan.ts';
import type { SeededRandom } from './random.ts';
import type { SimClock } from './sim-clock.ts';
import { SourceItems } from './source-items.ts';

type Item = Input | Watermark;

/** A source that answers at once or late, and changes the objects that it has passed on. */
export class SimSource {
  readonly #plan: Plan;
  readonly #random: SeededRandom;
  readonly #clock: SimClock;
  readonly #model: Model;
  readonly #items: SourceItems;
  #lastRecord: Input | undefined;
  /** Whether a call of `next` has not been answered. */
  asked = false;
  /** Whether it has ended. */
  over = false;
  released = 0;
  /** The forbidden calls that were made. */
  unruly: string | undefined;

  constructor(plan: Plan, random: SeededRandom, clock: SimClock, model: Model, start: Start) {
    this.#plan = plan;
    this.#random = random;
    this.#clock = clock;
    this.#model = model;
    this.#items = new SourceItems(plan, random, start.next);
  }

  asSource(): Source<Item> {
    // If the end cuts no waits short, its moment makes no difference, so the input may end together with an item.
    if ((this.#plan.retry === undefined || !this.#plan.cutWaits) && this.#random.chance(0.3)) {
      return { [Symbol.iterator]: () => ({ next: () => this.#take(), return: () => this.#release() }) };
    }
    return {
      [Symbol.asyncIterator]: () => ({ next: () => this.#next(), return: () => Promise.resolve(this.#release()) }),
    };
  }

  #next(): Promise<IteratorResult<Item>> {
    const result = this.#take(false);
    this.asked = true;
    if (result.done !== true && this.#random.chance(0.7)) {
      this.asked = false;
      return Promise.resolve(result);
    }
    return new Promise((resolve) => {
      this.#clock.after(this.#random.between(0, this.#plan.arrivalMs), () => {
        this.asked = false;
        if (result.done === true) this.#end();
        resolve(result);
      });
    });
  }

  #take(ends = true): IteratorResult<Item> {
    if (this.asked) this.unruly = 'the source was asked again before it had answered';
    if (this.released > 0 || this.over) this.unruly = 'the source was asked after its end';
    if (this.#model.order.size >= this.#plan.capacity) this.unruly = 'the source was asked, but every slot is taken';
    if (this.#lastRecord !== undefined) this.#lastRecord.body.mark = -1;
    const value = this.#items.next();
    this.#lastRecord = Watermark.is(value) ? undefined : value;
    if (value !== undefined) return { done: false, value };
    if (ends) this.#end();
    return { done: true, value: undefined };
  }

  #end(): void {
    this.over = true;
    if (this.#plan.cutWaits) this.#model.retry.endedIn = this.#model.life.event;
  }

  #release(): IteratorResult<Item> {
    this.released++;
    return { done: true, value: undefined };
  }
}
