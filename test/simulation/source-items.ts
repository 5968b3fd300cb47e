import { Watermark } from '../../src/operator/watermark.ts';
import type { Input } from './model.ts';
import type { Plan } from './plan.ts';
import type { SeededRandom } from './random.ts';

/** The elements of a source from one place on; each is made when it is read. */
export class SourceItems {
  readonly #plan: Plan;
  readonly #random: SeededRandom;
  #seq: number;

  constructor(plan: Plan, random: SeededRandom, first: number) {
    this.#plan = plan;
    this.#random = random;
    this.#seq = first;
  }

  next(): Input | Watermark | undefined {
    const { keys, hotKey, records, watermarks } = this.#plan;
    if (this.#seq >= records) return undefined;
    const seq = this.#seq++;
    if (this.#random.chance(watermarks)) return new Watermark(seq);
    const key = this.#random.chance(hotKey) ? 0 : this.#random.between(0, keys - 1);
    return { seq, key, body: { mark: seq } };
  }
}
