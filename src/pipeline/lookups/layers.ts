import type { LookupObserver } from '../../core/observer/observer.ts';
import type { Clock, Random } from '../../core/time/time.ts';
import type { LookupConfig } from '../../config/schema/schema.ts';
import type { Connector } from '../../connectors/connector.ts';
import { LookupCache } from '../../lookup/cache/cache.ts';
import { Limit, unlimited } from '../../lookup/limit/limit.ts';
import { lookupRetry } from '../../lookup/retry/lookup-retry.ts';
import { type Answer, type Arguments, type LookupLayerEntry } from '../../lookup/lookup.ts';
import { timeout } from '../../lookup/timeout.ts';
import { traced } from '../../lookup/traced.ts';

/** The parts from which the layers of one lookup are made. */
interface LayerParts {
  readonly lookup: string;
  readonly config: LookupConfig;
  /** An open connector. */
  readonly connector: Connector;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: LookupObserver;
  /** Whether calls become spans. */
  readonly tracesCalls: boolean;
}

/** Makes one layer of a lookup; undefined if the lookup has no such layer. */
export type MakeLayer = (parts: LayerParts) => LookupLayerEntry | undefined;

const cache: MakeLayer = ({ config, clock }) =>
  config.cache === undefined ? undefined : new LookupCache(config.cache, clock);

const retry: MakeLayer = ({ config, clock, random, observer }) =>
  config.retry === undefined
    ? undefined
    : { name: 'retry', layer: lookupRetry(config.retry, { clock, random, observer }) };

/** The calls of an immediate connector neither wait nor use a clock. */
const limit: MakeLayer = ({ connector: { immediate, gate } }) => {
  if (immediate) return undefined;
  return gate === undefined ? { name: 'limit', layer: unlimited() } : new Limit<Arguments, Answer>(gate);
};

const attemptTimeout: MakeLayer = ({ config: { timeout: timeoutMs }, clock, connector: { onTimeout } }) =>
  timeoutMs === undefined ? undefined : { name: 'timeout', layer: timeout({ timeoutMs, clock, onTimeout }) };

const spans: MakeLayer = ({ lookup, tracesCalls, connector: { span } }) => {
  if (!tracesCalls || span === undefined) return undefined;
  const attributes = { 'millrace.lookup': lookup, ...span.attributes };
  return { name: 'spans', layer: traced({ name: span.name, attributes }) };
};

/**
 * The order of the layers, written once: a request passes them from the first to the last, and then the connector.
 *
 *     cache      A hit needs no call: it stands above all that makes, delays or counts calls.
 *     retry      Makes calls, so it stands above all that delays, counts or times one of them.
 *     limit      The wait for a free connection is not part of an attempt, so it stands above `timeout`.
 *     timeout    Bounds one attempt and nothing else.
 *     spans      One span is one attempt, so it begins after every wait.
 *
 * The order with the layers that are planned (coalesce, hedge, batch, breaker, rate limit): cache, coalesce, retry,
 * hedge, batch, breaker, limit, rate limit, timeout, spans. Above `batch` a layer has one record, below it one call.
 */
export const lookupLayers: readonly MakeLayer[] = [cache, retry, limit, attemptTimeout, spans];

/** The layers that one call passes: none of them answers without a call or makes a second one. */
export const callLayers: readonly MakeLayer[] = lookupLayers.slice(lookupLayers.indexOf(limit));
