import type { Config } from '../config/schema/schema.ts';
import { nearestHint } from '../core/nearest.ts';
import { UsageError } from './exit-codes.ts';

/** The configuration with one pipeline, and the lookups that its steps use. Throws UsageError if there is no such pipeline. */
export function onlyPipeline(name: string, config: Config): Config {
  const pipeline = Object.hasOwn(config.pipelines, name) ? config.pipelines[name] : undefined;
  if (pipeline === undefined) {
    const names = Object.keys(config.pipelines);
    throw new UsageError(
      `unknown pipeline ${name}${nearestHint(name, names).hint || `; pipelines: ${names.join(', ')}`}`,
    );
  }
  const used = new Set(pipeline.enrich.map(({ lookup }) => lookup));
  const lookups = Object.fromEntries(Object.entries(config.lookups).filter(([lookup]) => used.has(lookup)));
  return { ...config, lookups, pipelines: { [name]: pipeline } };
}
