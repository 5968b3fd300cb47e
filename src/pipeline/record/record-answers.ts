import type { Answer } from '../../lookup/lookup.ts';
import type { SplicedLine } from '../../wire/spliced-line.ts';
import { ExplodedLines } from './exploded-lines.ts';
import type { Outcome } from './outcome.ts';
import type { Plan } from '../steps/plan.ts';

/**
 * Steps that have a bit in the mask: a bit operation of JavaScript has 32 bits, one of them the sign. For a later step
 * the line is scanned when its answer is spliced.
 */
export const MASK_BITS = 31;

/**
 * The answers of a record's steps, and the lines that they make of the record's line. The base of a run, so that a record
 * costs one object.
 */
export abstract class RecordAnswers {
  protected readonly plan: Plan;
  /** For each step: undefined = not settled yet, null = skipped by its `when`. */
  protected readonly answers: (Answer | null | undefined)[];
  /** A bit for each step that is the first to write a member: the record does not have this member. */
  protected absent = 0;

  constructor(plan: Plan) {
    this.plan = plan;
    // A literal is the cheapest array there is, and most records have one step or two.
    this.answers = [undefined, undefined];
    for (let index = 2; index < plan.steps.length; index += 1) this.answers.push(undefined);
  }

  /** The line of an enriched record, or its lines if `explode` is set. Throws RecordError `not_an_object`. */
  protected enrichedLines(line: string): Outcome['lines'] {
    return this.plan.settings.explode ? this.#explodedLines(line) : this.#lineWithAll(line);
  }

  /** The line with the answers of these steps in it. */
  protected lineWith(line: string, steps: readonly number[]): string {
    let text = line;
    for (const index of steps) text = this.#splice(text, index);
    return text;
  }

  /** The line with all answers in it; in parts if the last step adds a member. */
  #lineWithAll(line: string): string | SplicedLine {
    const { steps, settings } = this.plan;
    const last = steps.length - 1;
    let text = line;
    for (let index = 0; index < last; index += 1) text = this.#splice(text, index);
    const json = this.#jsonOf(last);
    if (json === undefined) return text;
    const added = settings.meta.length === 0 && this.#isAbsent(last) ? steps[last]?.place.add(text, json) : undefined;
    return added ?? this.#splice(text, last);
  }

  /** One line for each combination of elements of the answers that are arrays. */
  #explodedLines(line: string): Outcome['lines'] {
    const parts = this.plan.steps.map(({ place, index }) => ({
      place,
      absent: this.#isAbsent(index),
      json: this.#jsonOf(index),
    }));
    if (!parts.some(({ json }) => json?.startsWith('[') === true)) return this.#lineWithAll(line);
    const lines = new ExplodedLines(line, parts);
    const first = lines.next();
    if (first === undefined) return [];
    return lines.next() === undefined ? first : lines.fromStart();
  }

  #splice(text: string, index: number): string {
    const step = this.plan.steps[index];
    const json = this.#jsonOf(index);
    return step === undefined || json === undefined ? text : step.place.splice(text, this.#isAbsent(index), json);
  }

  /** JSON text that a step puts into the record, undefined if it puts nothing. */
  #jsonOf(index: number): string | undefined {
    const answer = this.answers[index];
    if (answer === null || answer === undefined) return undefined;
    return answer.json ?? (this.plan.settings.onMiss === 'omit' ? undefined : 'null');
  }

  #isAbsent(index: number): boolean {
    return index < MASK_BITS && (this.absent & (1 << index)) !== 0;
  }
}
