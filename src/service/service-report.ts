import type { JsonObject } from '../core/json/json.ts';
import type { MemoryBudget } from '../core/memory-budget.ts';
import type { Refusals } from '../core/observer/refusals.ts';
import type { ServiceGauges } from '../core/observer/observer.ts';
import type { Secrets } from '../core/secrets/secrets.ts';
import type { Clock } from '../core/time/time.ts';
import type { Connections } from '../http/connection/connections.ts';
import type { SpoolSpace } from '../http/spool/spool-space.ts';
import type { LiveStreams } from '../http/stream/live-streams.ts';
import type { Metrics } from '../observability/metrics/metrics.ts';
import type { ServerTls } from './server-tls.ts';

export interface Reported {
  readonly metrics: Metrics;
  readonly memory: MemoryBudget;
  readonly streams: LiveStreams;
  readonly spool: SpoolSpace;
  readonly connections: Connections;
  readonly refusals: Refusals;
  readonly secrets: Secrets;
  /** Undefined if the listeners speak plain HTTP. */
  readonly tls: ServerTls | undefined;
  readonly clock: Clock;
  readonly version: string;
}

/** What `/state` shows of the service as a whole; the same gauges are among its metrics from now on. */
export function serviceReport(reported: Reported): () => JsonObject {
  const { metrics, secrets, clock, version } = reported;
  const startedMs = clock.now();
  const gauges = (): ServiceGauges => gaugesOf(reported);
  metrics.service(gauges);
  return () => {
    const { errors, ...counted } = metrics.snapshot();
    return {
      version,
      uptimeMs: Math.round(clock.now() - startedMs),
      ...gauges(),
      ...counted,
      errors: errors.map((error) => ({ ...error, message: secrets.hide(error.message) })),
    };
  };
}

function gaugesOf({ memory, streams, spool, connections, refusals, tls }: Reported): ServiceGauges {
  return {
    memory: { heldBytes: memory.heldBytes, limitBytes: memory.limitBytes, waiting: memory.waiting },
    requests: streams.counts(),
    spool: spool.gauges,
    connections: {
      open: connections.open,
      idle: connections.idle,
      limit: connections.limit,
      closedIdle: connections.closedIdle,
      refused: connections.refused,
    },
    refused: refusals.toObject(),
    tls: tls?.gauges ?? null,
  };
}
