import { fromStart } from '../../src/library/checkpoint/checkpoint.ts';
import { LibraryStream } from './library-stream.ts';
import type { Start } from './model.ts';
import type { Defects } from './parts.ts';
import type { Plan } from './plan.ts';
import { SeededRandom } from './random.ts';
import type { Rules } from './rules.ts';

const mostCuts = 5;

/**
 * One stream through the library, cut and resumed from its last checkpoint as many times as the seed decides.
 *
 *     stream ──cut──▶ stream from its checkpoint ──cut──▶ … ──▶ end      together: each element once
 */
export class LibraryRound {
  readonly #plan: Plan;
  readonly #rules: Rules;
  readonly #defects: Defects;
  /** How often the outcome of each element was delivered; outcomes after the last checkpoint of a cut stream are not counted. */
  readonly #delivered: Uint8Array;

  constructor(plan: Plan, rules: Rules, defects: Defects = {}) {
    this.#plan = plan;
    this.#rules = rules;
    this.#defects = defects;
    this.#delivered = new Uint8Array(plan.records);
  }

  /** Throws BrokenRule. */
  async run(): Promise<void> {
    const random = new SeededRandom(this.#plan.seed + 2 ** 41);
    const cuts = this.#plan.ending === 'resume' ? random.between(1, mostCuts) : 0;
    let start: Start = fromStart;
    for (let cut = 0; ; cut++) {
      // There may be more pending elements than slots now.
      const plan = cut === 0 ? this.#plan : { ...this.#plan, capacity: random.pick([1, 2, 10, 100]) };
      const cutAfter = cut < cuts ? random.between(0, this.#plan.records) : Infinity;
      const stream = new LibraryStream({ plan, rules: this.#rules, random, start, cutAfter, defects: this.#defects });
      const end = await stream.run((log) => this.#count(log));
      if (end === 'aborted') return;
      if (end === 'complete') break;
      start = this.#defects.resume?.(stream.checkpoint) ?? stream.checkpoint;
      this.#rules.trace?.(`resumed from ${start.next} and [${start.pending.map(({ seq }) => seq).join()}]`);
    }
    const lost = this.#delivered.findIndex((times) => times !== 1);
    if (lost >= 0)
      this.#rules.broken('E4', `element ${lost} was delivered ${this.#delivered[lost]} times over all restarts`);
    this.#rules.raise();
  }

  #count(log: readonly number[]): void {
    for (const seq of log) this.#delivered[seq] = (this.#delivered[seq] ?? 0) + 1;
  }
}
