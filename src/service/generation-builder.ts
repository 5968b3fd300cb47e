import type { Loaded } from '../config/load.ts';
import { isDataObject, type JsonData, type JsonDataObject } from '../core/json/json-data.ts';
import type { MemoryBudget } from '../core/memory-budget.ts';
import { silentLogger } from '../core/observer/logger.ts';
import type { Observer } from '../core/observer/observer.ts';
import type { Secrets } from '../core/secrets/secrets.ts';
import type { Clock } from '../core/time/time.ts';
import { functionLogger } from '../observability/log/function-logger.ts';
import type { Logger } from '../observability/log/logger.ts';
import { buildPipelines } from '../pipeline/build.ts';
import { Generation } from '../pipeline/generations.ts';
import { OpenLookups } from '../pipeline/lookups/open-lookups.ts';
import { type ConnectionPlan, type OpenFiles, planConnections } from './process-limits.ts';

export interface GenerationDeps {
  readonly memory: MemoryBudget;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly secrets: Secrets;
  readonly logger: Logger | false;
  readonly tracesCalls: boolean;
  /** How many files the process may open, and how many were open at the start. */
  readonly files: OpenFiles;
}

/** Opens the lookups and pipelines of a configuration. If one cannot be opened, closes those that it has opened, and rejects. */
export type BuildGeneration = (loaded: Loaded, number: number) => Promise<Generation>;

/** Generations that are built by the same function share every lookup that is the same in both. */
export function generationBuilder(deps: GenerationDeps): BuildGeneration {
  const { memory, clock, observer, secrets, logger, tracesCalls, files } = deps;
  const lookups = new OpenLookups();
  return async (loaded, number) => {
    const { effective, baseDir } = loaded;
    const plan = planConnections(loaded.config, files);
    if (logger !== false) warnOfReduced(logger, plan, files.most);
    const config = { ...loaded.config, lookups: plan.lookups };
    const runtime = {
      memory,
      clock,
      observer,
      baseDir,
      generation: number,
      secrets,
      logger: (lookup: string) => (logger === false ? silentLogger : functionLogger(logger, lookup)),
      tracesCalls,
    };
    secrets.learn(loaded.secrets);
    const pipelines = await buildPipelines(config, runtime, lookups);
    return new Generation({ config, pipelines, describe: (section, name) => member(member(effective, section), name) });
  };
}

function warnOfReduced(logger: Logger, { reduced }: ConnectionPlan, most: number): void {
  for (const { key, configured, holds } of reduced) {
    const why = `the process may open ${most} files (ulimit -n)`;
    logger.warn({ key, configured, holds }, `${key} is ${configured}, but ${why}: ${holds} are used; raise that limit`);
  }
}

function member(value: JsonData | undefined, name: string): JsonDataObject {
  const found = isDataObject(value) ? value[name] : undefined;
  return isDataObject(found) ? found : {};
}
