import type { MetaField } from '../../core/vocabulary.ts';
import type { Answer } from '../../lookup/lookup.ts';
import { metaPlace } from '../../wire/codec.ts';
import { ExplodedLines } from './exploded-lines.ts';
import { type Outcome, textsOf } from './outcome.ts';
import type { Step } from '../steps/step.ts';

export interface MetaFacts {
  readonly fields: readonly MetaField[];
  readonly seq: number;
  /** Milliseconds from the first attempt to the outcome. */
  readonly ms: number;
  readonly steps: readonly Step[];
  readonly answers: readonly (Answer | null | undefined)[];
}

/** Puts `_meta` into every line of an outcome; values of a step stand under its `into`. */
export function spliceMeta(outcome: Outcome, facts: MetaFacts): Outcome {
  const json = metaMember(facts);
  const splice = (line: string): string => metaPlace.splice(line, false, json);
  const { lines } = outcome;
  if (lines instanceof ExplodedLines) return { ...outcome, lines: lines.fromStart(json) };
  return { ...outcome, lines: typeof lines === 'string' ? splice(lines) : Array.from(textsOf(outcome), splice) };
}

function metaMember({ fields, seq, ms, steps, answers }: MetaFacts): string {
  const perStep = (read: (answer: Answer) => unknown): Record<string, unknown> =>
    Object.fromEntries(
      steps.flatMap(({ index, into }) => {
        const answer = answers[index];
        return answer ? [[into, read(answer)]] : [];
      }),
    );
  const values: Record<MetaField, () => unknown> = {
    seq: () => seq,
    timing: () => ({ ms: Math.round(ms * 1000) / 1000 }),
    source: () => perStep((answer) => (isUncalled(answer) ? undefined : answer.source)),
    attempts: () => perStep((answer) => answer.attempts),
  };
  return JSON.stringify(Object.fromEntries(fields.map((field) => [field, values[field]()])));
}

/** Whether a step has a miss without a call, because a value that it reads is missing. */
function isUncalled({ json, attempts, source }: Answer): boolean {
  return json === undefined && attempts === 0 && source === 'call';
}
