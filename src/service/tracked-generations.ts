import type { Config } from '../config/schema/schema.ts';
import type { LiveStreams } from '../http/stream/live-streams.ts';
import type { Logger } from '../observability/log/logger.ts';
import type { Metrics } from '../observability/metrics/metrics.ts';
import { type Generation, Generations } from '../pipeline/generations.ts';

/** `changed` adapts to the configurations that are open now: which counts are kept, how often streams are checked. */
export function trackedGenerations(
  first: Generation,
  metrics: Metrics,
  streams: LiveStreams,
  logger: Logger | false,
): { readonly generations: Generations; readonly changed: () => void } {
  const changed = (): void => {
    const configs = generations.open.map(({ config }) => config);
    metrics.keep({
      pipelines: new Set(configs.flatMap(({ pipelines }) => Object.keys(pipelines))),
      lookups: new Set(configs.flatMap(({ lookups }) => Object.keys(lookups))),
    });
    streams.checkMs = Math.min(...configs.map((config) => watchEveryMs(config.server.limits)));
  };
  const generations = new Generations(first, (error) => {
    if (error !== undefined && logger !== false)
      logger.error({ err: error }, 'a lookup that was replaced did not close');
    changed();
  });
  return { generations, changed };
}

/** A timeout of a stream is noticed at most a quarter of its time late. */
export function watchEveryMs({ idleTimeout, stallTimeout }: Config['server']['limits']): number {
  return Math.max(10, Math.min(1000, idleTimeout / 4, stallTimeout / 4));
}
