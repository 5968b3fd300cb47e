import { compileCondition, compileUntil } from './condition.ts';
import { dependencies, findCycle, placesOf } from './dependencies.ts';

/** The part of a pipeline's configuration that is looked at here. */
export interface CheckedPipeline {
  readonly enrich: readonly {
    readonly with: Readonly<Record<string, unknown>>;
    readonly into: string;
    readonly when?: string | undefined;
    readonly repeat?: { readonly until?: string | undefined } | undefined;
  }[];
}

/** Something wrong with a configuration: where, and what. */
export interface Finding {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What only this room can see in a configuration: conditions that do not compile, steps that wait for each other. */
export function checkPipelines(config: { readonly pipelines: Readonly<Record<string, CheckedPipeline>> }): Finding[] {
  return Object.entries(config.pipelines).flatMap(([name, { enrich }]) => {
    const at = ['pipelines', name, 'enrich'];
    return [...conditions(enrich, at), ...cycles(enrich, at), ...collisions(enrich, at)];
  });
}

function conditions(enrich: CheckedPipeline['enrich'], at: readonly string[]): Finding[] {
  return enrich.flatMap(({ when, repeat }, index) => [
    ...expression(when, compileCondition, [...at, index, 'when'], 'record'),
    ...expression(repeat?.until, compileUntil, [...at, index, 'repeat', 'until'], 'record and answer'),
  ]);
}

function expression(
  text: string | undefined,
  compile: (text: string) => unknown,
  path: Finding['path'],
  variables: string,
): Finding[] {
  if (text === undefined) return [];
  try {
    compile(text);
    return [];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [{ path, message: `expected a CEL expression on ${variables}: ${reason}` }];
  }
}

function cycles(enrich: CheckedPipeline['enrich'], at: readonly string[]): Finding[] {
  const cycle = findCycle(dependencies(enrich.map((step) => placesOf(step))));
  if (cycle === undefined) return [];
  const places = cycle.map((index) => enrich[index]?.into ?? '').join(' -> ');
  return [{ path: [...at, cycle[0] ?? 0], message: `the steps wait for each other in a circle: ${places}` }];
}

function collisions(enrich: CheckedPipeline['enrich'], at: readonly string[]): Finding[] {
  return enrich.flatMap(({ into }, index) => {
    const first = enrich.findIndex((other) => other.into === into);
    if (first === index) return [];
    return [{ path: [...at, index, 'into'], message: `step ${first + 1} puts its answer at ${into} as well` }];
  });
}
