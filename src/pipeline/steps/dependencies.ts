import { parsePointer } from '../../core/json/json-pointer.ts';

type Tokens = readonly string[];

/** The places that a step reads, and the place that it writes: the order of the steps depends on them. */
export interface StepPlaces {
  /** The places of its arguments. */
  readonly reads: readonly Tokens[];
  /** The places that its `when` and `until` read. */
  readonly tests: readonly Tokens[];
  readonly into: Tokens;
}

/** The steps that one step waits for. */
export interface Dependencies {
  readonly waitsFor: readonly number[];
  /** The steps among them that an argument comes from: without their answer there is no call. */
  readonly needs: readonly number[];
}

/** The JSON Pointers of a step's `with`, constants left out, and its `into`, as tokens. */
export function placesOf(
  step: { readonly with: Readonly<Record<string, unknown>>; readonly into: string },
  tests: readonly Tokens[],
): StepPlaces {
  const pointers = Object.values(step.with).filter((source) => typeof source === 'string');
  return { reads: pointers.map((pointer) => parsePointer(pointer)), tests, into: parsePointer(step.into) };
}

/**
 * For each step, the steps that it waits for: it reads, in an argument or expression, at or below their `into`. An
 * expression that reads above an `into` waits for that step as well, if it comes before its own step in the list; `record`
 * as a whole is above every place. So two steps that both test `has(record.customer)` and write below `/customer` do not
 * wait for each other.
 * A step that reads its own `into` does not wait: it replaces the value that came with the record.
 */
export function dependencies(steps: readonly StepPlaces[]): readonly Dependencies[] {
  return steps.map((step, own) => {
    const otherSteps = [...steps.entries()].filter(([index]) => index !== own);
    const needs = otherSteps.filter(([, { into }]) => step.reads.some((read) => startsWith(read, into)));
    const waitsFor = otherSteps.filter(
      ([index, { into }]) =>
        step.reads.some((read) => startsWith(read, into)) ||
        step.tests.some((test) => startsWith(test, into) || (index < own && startsWith(into, test))),
    );
    return { waitsFor: waitsFor.map(([index]) => index), needs: needs.map(([index]) => index) };
  });
}

/** The steps of one cycle, its first step repeated at the end; undefined if there is no cycle. */
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
