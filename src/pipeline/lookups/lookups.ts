import type { JsonObject } from '../../core/json/json.ts';
import type { Logger } from '../../core/observer/logger.ts';
import type { Observer } from '../../core/observer/observer.ts';
import type { Secrets } from '../../core/secrets/secrets.ts';
import { type Clock, systemRandom } from '../../core/time/time.ts';
import type { LookupConfig } from '../../config/schema/schema.ts';
import type { Connector } from '../../connectors/connector.ts';
import { connectorOf } from '../../connectors/registry.ts';
import { LookupCache } from '../../lookup/cache.ts';
import { Limit, unlimited } from '../../lookup/limit.ts';
import { type LookupRetryDeps, lookupRetry } from '../../lookup/lookup-retry.ts';
import { type Answer, type Arguments, type LookupLayer, type LookupService, stack } from '../../lookup/lookup.ts';
import { timeout } from '../../lookup/timeout.ts';
import { traced } from '../../lookup/traced.ts';

/** A named lookup with its layers: one for all pipelines and all streams. */
export interface Lookup {
  readonly name: string;
  readonly call: LookupService;
  /** `call` always returns an Answer, never a promise, and does not use its context. */
  readonly immediate: boolean;
  /** See Connector. */
  readonly runsUserCode: boolean;
  /** What is reserved for an answer as long as none is known. */
  readonly largestAnswerBytes: number;
  describe(args: Arguments): JsonObject;
  close(): Promise<void>;
}

export interface LookupRuntime {
  readonly clock: Clock;
  readonly observer: Observer;
  /** Where a lookup, or its function, says what happened. */
  readonly logger: (lookup: string) => Logger;
  /** Calls become spans. */
  readonly tracesCalls: boolean;
  /** Folder of the configuration file. */
  readonly baseDir: string;
  /** Number of the configuration, from 1; no two have the same, even where one could not be opened. */
  readonly generation: number;
  /** What no message shows. */
  readonly secrets: Secrets;
}

/** Opens one lookup: it is ready to answer when the promise resolves, and rejects where it never will be. */
export async function openLookup(name: string, config: LookupConfig, runtime: LookupRuntime): Promise<Lookup> {
  const { clock, baseDir, generation } = runtime;
  const observer = runtime.observer.lookup(name);
  const metrics = runtime.observer.functionMetrics(name);
  const connector = connectorOf(config).create({
    lookup: name,
    clock,
    observer,
    metrics: metrics.group,
    logger: runtime.logger(name),
    baseDir,
    generation,
  });
  try {
    await connector.open();
  } catch (error) {
    metrics.close();
    throw error;
  }
  const cache = config.cache === undefined ? undefined : new LookupCache(config.cache, { clock, observer });
  const { gate } = connector;
  const limit = gate === undefined ? undefined : new Limit<Arguments, Answer>(gate);
  const uncounted = limit && observer.gauges(() => ({ inFlight: 0, queued: limit.waiting, connections: 0 }));
  const around = [
    ...(cache === undefined ? [] : [cache.layer]),
    ...layers(config, connector, limit, { clock, observer, random: systemRandom }),
    ...(runtime.tracesCalls ? spans(name, connector) : []),
  ];
  return {
    name,
    call: stack(connector.call, ...around),
    immediate: connector.immediate && around.length === 0,
    runsUserCode: connector.runsUserCode,
    largestAnswerBytes: connector.largestAnswerBytes,
    describe: (args) => connector.describe(args),
    async close() {
      metrics.close();
      cache?.close();
      uncounted?.();
      limit?.close();
      await connector.close();
    },
  };
}

/**
 * The order of the layers, written once. As a request travels: cache, coalesce, retry, hedge, batch, breaker,
 * limit, rate limit, timeout, connector. What answers without a call comes first; what decides on calls stands above
 * what counts them; the time of one attempt is measured last, so that no wait of ours eats into it.
 */
function layers(
  { retry, timeout: timeoutMs }: LookupConfig,
  { immediate, onTimeout }: Connector,
  limit: Limit<Arguments, Answer> | undefined,
  deps: LookupRetryDeps,
): LookupLayer[] {
  return [
    ...(retry === undefined ? [] : [lookupRetry(retry, deps)]),
    // The calls of an immediate connector neither wait nor use a clock.
    ...(immediate ? [] : [limit?.layer ?? unlimited<Arguments, Answer>()]),
    ...(timeoutMs === undefined ? [] : [timeout({ timeoutMs, clock: deps.clock, onTimeout })]),
  ];
}

/** Stands directly before the connector: each attempt is a span, and the waits between them are none. */
function spans(lookup: string, { span }: Connector): LookupLayer[] {
  if (span === undefined) return [];
  return [traced({ name: span.name, attributes: { 'millrace.lookup': lookup, ...span.attributes } })];
}
