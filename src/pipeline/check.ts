import type { Finding } from '../core/finding.ts';
import { ExpressionError } from '../cel/expression.ts';
import { type Compiled, compileCondition, compileUntil, placeIn } from './steps/condition.ts';
import { dependencies, findCycle, placesOf } from './steps/dependencies.ts';

/** The part of a pipeline's configuration that is checked here. */
export interface CheckedPipeline {
  readonly enrich: readonly {
    readonly with: Readonly<Record<string, unknown>>;
    readonly into: string;
    readonly when?: string | undefined;
    readonly repeat?: { readonly until?: string | undefined } | undefined;
  }[];
}

/** Mistakes that the schema cannot find: expressions that do not compile, steps that wait for each other or write one place. */
export function checkPipelines(config: { readonly pipelines: Readonly<Record<string, CheckedPipeline>> }): Finding[] {
  return Object.entries(config.pipelines).flatMap(([name, { enrich }]) => {
    const at = ['pipelines', name, 'enrich'];
    return [...conditions(enrich, at), ...cycles(enrich, at), ...collisions(enrich, at)];
  });
}

function conditions(enrich: CheckedPipeline['enrich'], at: readonly string[]): Finding[] {
  return enrich.flatMap(({ when, repeat }, index) => [
    ...mistake(when, compiled(when, compileCondition, index), [...at, index, 'when'], 'record'),
    ...mistake(
      repeat?.until,
      compiled(repeat?.until, compileUntil, index),
      [...at, index, 'repeat', 'until'],
      'record and answer',
    ),
  ]);
}

/** The places that a compiled expression reads, or the error if it does not compile. */
type CompiledReads = Pick<Compiled<unknown>, 'reads'> | ExpressionError;

function compiled(
  source: string | undefined,
  compile: (source: string, step: number) => Compiled<unknown>,
  step: number,
): CompiledReads {
  if (source === undefined) return { reads: [] };
  try {
    return compile(source, step);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
}

function mistake(
  source: string | undefined,
  expression: CompiledReads,
  path: Finding['path'],
  variables: string,
): Finding[] {
  if (source === undefined || !(expression instanceof ExpressionError)) return [];
  const message = `expected a CEL expression on ${variables}: ${expression.message} (${placeIn(source, expression)} of the expression)`;
  return [{ path, message, within: expression.offset ?? 0 }];
}

function cycles(enrich: CheckedPipeline['enrich'], at: readonly string[]): Finding[] {
  const waits = dependencies(
    enrich.map((step, index) => {
      const tests = [compiled(step.when, compileCondition, index), compiled(step.repeat?.until, compileUntil, index)];
      return placesOf(
        step,
        tests.flatMap((test) => (test instanceof ExpressionError ? [] : test.reads)),
      );
    }),
  );
  const cycle = findCycle(waits.map(({ waitsFor }) => waitsFor));
  if (cycle === undefined) return [];
  const places = cycle.map((index) => enrich[index]?.into ?? '').join(' -> ');
  return [{ path: [...at, cycle[0] ?? 0], message: `the steps wait for each other in a circle: ${places}` }];
}

function collisions(enrich: CheckedPipeline['enrich'], at: readonly string[]): Finding[] {
  return enrich.flatMap(({ into }, index) => {
    const first = enrich.findIndex((other) => other.into === into);
    if (first === index) return [];
    return [
      {
        path: [...at, index, 'into'],
        message: `enrich[${first}] writes ${into} as well; give each step a place of its own`,
      },
    ];
  });
}
