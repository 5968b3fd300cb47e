import { configSchema, type LookupConfig } from '../../src/config/schema/schema.ts';
import type { SeededRandom } from './random.ts';

/** The layers of a simulated lookup. Each of them is missing in some rounds. */
export function layersPlan(random: SeededRandom): LookupConfig {
  const ms = (...durations: [number, ...number[]]): string => `${random.pick(durations)}ms`;
  const some = <Options>(share: number, options: Options): Options | undefined =>
    random.chance(share) ? options : undefined;
  const layers = {
    coalesce: random.chance(0.7),
    timeout: some(0.8, ms(20, 50, 200)),
    retry: some(0.6, {
      attempts: random.between(1, 3),
      backoff: { initial: '5ms', max: '20ms' },
      budget: { perSecond: random.pick([10, 1000]) },
      on: ['unreachable', 'timeout', 503, ...(random.chance(0.3) ? ['breaker_open'] : [])],
    }),
    hedge: some(0.4, {
      after: random.pick(['p95', '20ms', '40ms']),
      max: random.between(1, 3),
      idempotent: true,
    }),
    batch: some(0.5, { maxSize: random.between(1, 6), linger: ms(0, 1, 5, 20), maxInFlight: random.between(1, 4) }),
    breaker: some(0.4, {
      minimum: random.between(2, 10),
      window: ms(100, 1000),
      open: ms(10, 200),
      whenOpen: random.pick(['fail', 'wait']),
    }),
    concurrency: some(0.4, random.chance(0.5) ? random.between(1, 10) : { adaptive: { min: 1, max: 10 } }),
    rateLimit: some(0.3, { perSecond: random.between(20, 500), burst: random.between(1, 10) }),
    cache: some(0.6, {
      maxEntries: random.pick([1, 5, 100]),
      maxBytes: random.pick(['1KiB', '64KiB']),
      ttl: ms(20, 100, 1000),
      negativeTtl: ms(0, 30),
      refreshAhead: ms(0, 10),
      staleWhileRevalidate: ms(0, 50),
      staleIfError: ms(0, 200),
    }),
  };
  const given = Object.fromEntries(Object.entries(layers).filter(([, options]) => options !== undefined));
  const { lookups } = configSchema.parse({
    lookups: { far: { module: { file: 'far.mjs' }, ...given } },
    pipelines: { p: { enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer' }] } },
  });
  const config = lookups['far'];
  if (config === undefined) throw new Error('the configuration lost its lookup');
  return config;
}
