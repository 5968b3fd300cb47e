import { createServer, type RequestListener } from 'node:http';
import { onTestFinished } from 'vitest';
import { configSchema } from '../../../src/config/schema/schema.ts';
import { Secrets } from '../../../src/core/secrets/secrets.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/observer/logger.ts';
import { type Clock, systemClock } from '../../../src/core/time/time.ts';
import type { Answer } from '../../../src/lookup/lookup.ts';
import { createMetrics, type Metrics } from '../../../src/observability/metrics/metrics.ts';
import { openLookup } from '../../../src/pipeline/lookups/lookups.ts';

export interface Opened {
  readonly metrics: Metrics;
  /** The answer for `SFO`, or the failure. `timeoutMs` is the deadline of the default context. */
  readonly ask: (timeoutMs?: number, iata?: string, context?: Cancellation) => Promise<Answer | RecordError>;
  readonly close: () => Promise<void>;
}

/**
 * The lookup `airport` as a service builds it, in front of a real server. `http` is added to its options. Equal requests
 * have calls of their own, unless `layers` says otherwise; a function of the server's origin makes layers with a URL.
 */
export async function lookupOf(
  layers: object | ((origin: string) => object),
  listener: RequestListener,
  clock: Clock = systemClock,
  http: object = {},
): Promise<Opened> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const origin = `http://127.0.0.1:${port}`;
  const own: object = typeof layers === 'function' ? layers(origin) : layers;
  const { lookups } = configSchema.parse({
    lookups: { airport: { http: { url: `${origin}/{iata}`, ...http }, coalesce: false, ...own } },
    pipelines: { p: { enrich: [{ lookup: 'airport', with: { iata: '/origin' }, into: '/airport' }] } },
  });
  const metrics = createMetrics({ version: '0' });
  const config = lookups['airport'];
  if (config === undefined) throw new Error('the configuration lost its lookup');
  const lookup = await openLookup('airport', config, {
    clock,
    observer: metrics.observer,
    baseDir: '/',
    generation: 1,
    secrets: new Secrets(),
    logger: () => silentLogger,
    tracesCalls: false,
  });
  let open = true;
  const close = async (): Promise<void> => {
    if (open) await lookup.close();
    open = false;
  };
  onTestFinished(async () => {
    await close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    metrics,
    close,
    ask: async (timeoutMs = Infinity, iata = 'SFO', context = new Cancellation(clock.now() + timeoutMs)) => {
      try {
        return await lookup.call({ iata }, context);
      } catch (error) {
        return RecordError.from(error);
      }
    },
  };
}
