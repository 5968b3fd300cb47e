import type { Config, PipelineConfig } from '../config/schema/schema.ts';
import { SpelledNumber } from '../core/json/json-data.ts';
import type { MemoryBudget } from '../core/memory-budget.ts';
import { parsePointer } from '../core/json/json-pointer.ts';
import { plainText, shownText } from '../core/secrets/reference-text.ts';
import { type Argument, RawJson } from '../lookup/lookup.ts';
import { compilePlace } from '../wire/splice.ts';
import { compileCondition, compileUntil } from './steps/condition.ts';
import { dependencies, placesOf } from './steps/dependencies.ts';
import type { Lookup, LookupRuntime } from './lookups/lookups.ts';
import type { OpenLookups } from './lookups/open-lookups.ts';
import { Pipeline } from './pipeline.ts';
import type { RecordPlace } from './record/record-text.ts';
import type { Step } from './steps/step.ts';

/** The pipelines of one configuration, and the lookups that they share. */
export interface Pipelines {
  readonly names: readonly string[];
  get(name: string): Pipeline | undefined;
  /** Closes the lookups that no other configuration uses. Called once, when no stream is left. */
  close(): Promise<void>;
}

export interface PipelinesRuntime extends LookupRuntime {
  /** The memory that all streams share. */
  readonly memory: MemoryBudget;
}

/**
 * Opens every lookup that is not open yet, and builds every pipeline. If a lookup cannot be opened, closes the lookups
 * that it has opened, and rejects.
 */
export async function buildPipelines(config: Config, runtime: PipelinesRuntime, open: OpenLookups): Promise<Pipelines> {
  const lookups = await open.take(config.lookups, runtime);
  const { lineBytes } = config.server.limits;
  const pipelines = new Map(
    Object.entries(config.pipelines).map(([name, options]) => {
      const observer = runtime.observer.pipeline(name);
      return [name, new Pipeline(name, options, buildSteps(options, lookups), { ...runtime, observer, lineBytes })];
    }),
  );
  return {
    names: [...pipelines.keys()],
    get: (name) => pipelines.get(name),
    close: () => open.giveBack(lookups),
  };
}

export function buildSteps(config: PipelineConfig, lookups: ReadonlyMap<string, Lookup>): readonly Step[] {
  const compiled = config.enrich.map(({ when, repeat }, index) => ({
    when: when === undefined ? undefined : compileCondition(when, index),
    until: repeat && { ...compileUntil(repeat.until, index), max: repeat.max },
  }));
  const waits = dependencies(
    config.enrich.map((step, index) => {
      const { when, until } = compiled[index] ?? {};
      return placesOf(step, [...(when?.reads ?? []), ...(until?.reads ?? [])]);
    }),
  );
  const written = new Set<string | undefined>();
  const placeAt = numberedPlaces();
  return config.enrich.map((options, index) => {
    const lookup = lookups.get(options.lookup);
    if (lookup === undefined)
      throw new Error(`there is no lookup ${options.lookup}: the configuration was not checked`);
    const into = parsePointer(options.into);
    const { when, until } = compiled[index] ?? {};
    const writesFirst = !written.has(into[0]);
    written.add(into[0]);
    return {
      index,
      lookup,
      sources: Object.entries(options.with).map(([name, source]) =>
        typeof source === 'string' ? { name, ...placeAt(parsePointer(source)) } : { name, ...constantOf(source.value) },
      ),
      into: options.into,
      place: compilePlace(into),
      target: placeAt(into),
      writesFirst,
      when: when?.test,
      repeat: until && { until: until.test, max: until.max },
      onMissingArgument: config.onMissingArgument,
      waitsFor: waits[index]?.waitsFor ?? [],
      needs: waits[index]?.needs ?? [],
      dependents: waits.flatMap(({ waitsFor }, other) => (waitsFor.includes(index) ? [other] : [])),
    };
  });
}

function constantOf(value: string | number | boolean | SpelledNumber): { constant: Argument; shown: Argument } {
  if (typeof value === 'string') return { constant: plainText(value), shown: shownText(value) };
  const constant = value instanceof SpelledNumber ? new RawJson(value.source) : value;
  return { constant, shown: constant };
}

/** Numbers the top-level members that are read or written: a scan of the line finds a member by its index. */
function numberedPlaces(): (tokens: readonly string[]) => RecordPlace {
  const numbers = new Map<string, number>();
  return (tokens) => {
    const [name] = tokens;
    if (name === undefined) return { tokens, scanIndex: -1 };
    const scanIndex = numbers.get(name) ?? numbers.size;
    numbers.set(name, scanIndex);
    return { tokens, scanIndex };
  };
}
