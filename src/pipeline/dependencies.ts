import { parsePointer } from '../core/json-pointer.ts';

/** What the order of steps depends on: where each one reads, and where it writes. */
export interface StepPlaces {
  readonly reads: readonly (readonly string[])[];
  readonly into: readonly string[];
}

/** The JSON Pointers of a step's `with`, constants left out, and its `into`, as tokens. */
export function placesOf(step: {
  readonly with: Readonly<Record<string, unknown>>;
  readonly into: string;
}): StepPlaces {
  const pointers = Object.values(step.with).filter((source) => typeof source === 'string');
  return { reads: pointers.map((pointer) => parsePointer(pointer)), into: parsePointer(step.into) };
}

/**
 * For each step the steps it waits for: those below (or at) whose `into` it reads.
 * A step that reads what it writes itself waits for nothing: it replaces what the record brought.
 */
export function dependencies(steps: readonly StepPlaces[]): readonly (readonly number[])[] {
  return steps.map((step, own) =>
    steps.flatMap((other, index) =>
      index !== own && step.reads.some((read) => startsWith(read, other.into)) ? [index] : [],
    ),
  );
}

/** The steps of one cycle, first one repeated at the end, or undefined where there is none. */
export function findCycle(waitsFor: readonly (readonly number[])[]): readonly number[] | undefined {
  const settled = new Set<number>();
  const visit = (step: number, path: readonly number[]): readonly number[] | undefined => {
    const start = path.indexOf(step);
    if (start >= 0) return [...path.slice(start), step];
    if (settled.has(step)) return undefined;
    for (const next of waitsFor[step] ?? []) {
      const cycle = visit(next, [...path, step]);
      if (cycle !== undefined) return cycle;
    }
    settled.add(step);
    return undefined;
  };
  for (const step of waitsFor.keys()) {
    const cycle = visit(step, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function startsWith(tokens: readonly string[], prefix: readonly string[]): boolean {
  return prefix.length <= tokens.length && prefix.every((token, index) => tokens[index] === token);
}
