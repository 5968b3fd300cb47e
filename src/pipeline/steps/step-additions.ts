import type { KeepableAnswers } from '../../lookup/lookup.ts';
import { newColumn } from '../../wire/json/kept-texts.ts';
import { type AddedText, type Addition, LineAdder } from '../../wire/json/line-adder.ts';
import type { MemberTable } from '../../wire/json/member-table.ts';
import { argumentOf } from '../record/record-text.ts';
import type { RecordPlace } from '../record/record-text.ts';
import type { Step } from './step.ts';

/** The steps of a pipeline, if each of them only adds a kept answer to a line: then whole blocks of lines need no records. */
export interface StepAdditions {
  readonly adder: LineAdder;
  readonly steps: readonly StepAddition[];
}

/**
 * Undefined if a step has a condition, repeats its lookup, waits for another one, writes below the member of another one,
 * has not exactly one argument that is a whole member of the record, or if its lookup offers no answers to keep.
 */
export function stepAdditions(steps: readonly Step[], members: MemberTable): StepAdditions | undefined {
  const additions = steps.map(additionOf).filter((addition) => addition !== undefined);
  if (additions.length < steps.length) return undefined;
  const adder = LineAdder.of(members, additions);
  return adder && { adder, steps: additions };
}

function additionOf(step: Step): StepAddition | undefined {
  const { lookup, sources, target, place, when, repeat, waitsFor, writesFirst } = step;
  const [source] = sources;
  if (lookup.keepable === undefined || !lookup.immediate || when !== undefined || repeat !== undefined)
    return undefined;
  if (waitsFor.length > 0 || !writesFirst || target.scanIndex < 0) return undefined;
  if (source === undefined || sources.length > 1 || 'constant' in source || !isMember(source)) return undefined;
  // A step that replaces its own argument adds nothing.
  if (source.scanIndex === target.scanIndex) return undefined;
  return new StepAddition(lookup.keepable, source.scanIndex, target.scanIndex, (json) => place.addition(json));
}

function isMember({ tokens, scanIndex }: RecordPlace): boolean {
  return tokens.length === 1 && scanIndex >= 0;
}

/** Gives the texts of one step, and counts the calls that they stand for. */
class StepAddition implements Addition {
  readonly key: number;
  readonly place: number;
  readonly #answers: KeepableAnswers;
  readonly #addition: (json: string) => string;
  #column = newColumn();
  #version: number;

  constructor(answers: KeepableAnswers, key: number, place: number, addition: (json: string) => string) {
    this.key = key;
    this.place = place;
    this.#answers = answers;
    this.#addition = addition;
    this.#version = answers.version;
  }

  /** Texts of an earlier version of the answers stay in their column, which no line uses any more. */
  get column(): number {
    const { version } = this.#answers;
    if (version !== this.#version) {
      this.#version = version;
      this.#column = newColumn();
    }
    return this.#column;
  }

  /** Undefined also if the call would fail: a line with a failure takes the way of a record. */
  textOf(source: string): AddedText | undefined {
    const isPlain = source.startsWith('"') && !source.includes('\\');
    const argument = isPlain ? source.slice(1, -1) : argumentOf(source);
    if (argument === undefined || argument === null) return undefined;
    try {
      const { json } = this.#answers.find(argument);
      return { text: this.#addition(json ?? 'null'), isMiss: json === undefined };
    } catch {
      return undefined;
    }
  }

  answered(requests: number, misses: number): void {
    this.#answers.answered(requests, misses);
  }
}
