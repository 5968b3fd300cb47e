import type { LookupObserver } from '../../core/observer/observer.ts';
import type { Clock, Random } from '../../core/time/time.ts';
import type { LookupConfig } from '../../config/schema/schema.ts';
import type { Connector } from '../../connectors/connector.ts';
import { LookupCache } from '../../lookup/cache/cache.ts';
import { Limit, unlimited } from '../../lookup/limit/limit.ts';
import { lookupRetry } from '../../lookup/retry/lookup-retry.ts';
import type { LayerEntry, LookupLayerEntry, Service } from '../../lookup/lookup.ts';
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

/** What a layer of one call knows about the requests and answers that pass it. */
interface CallParts<Req, Res> extends LayerParts {
  /** Gives the outcome of a call that took longer than `timeout`. */
  readonly onTimeout: Service<Req, Res> | undefined;
  /** Whether an answer has a value; false for a miss. */
  readonly isFound: (answer: Res) => boolean;
}

/** Makes one layer of a lookup, which passes one record; undefined if the lookup has no such layer. */
type MakeLayer = (parts: LayerParts) => LookupLayerEntry | undefined;

/** The same for a layer that passes one call, whatever it calls for: one record, or a batch of them. */
type MakeCallLayer = <Req, Res>(parts: CallParts<Req, Res>) => LayerEntry<Req, Res> | undefined;

const cache: MakeLayer = ({ config, clock }) =>
  config.cache === undefined ? undefined : new LookupCache(config.cache, clock);

const retry: MakeLayer = ({ config, clock, random, observer }) =>
  config.retry === undefined
    ? undefined
    : { name: 'retry', layer: lookupRetry(config.retry, { clock, random, observer }) };

/** The calls of an immediate connector neither wait nor use a clock. */
const limit: MakeCallLayer = <Req, Res>({ connector: { immediate, gate } }: CallParts<Req, Res>) => {
  if (immediate) return undefined;
  return gate === undefined ? { name: 'limit', layer: unlimited<Req, Res>() } : new Limit<Req, Res>(gate);
};

const attemptTimeout: MakeCallLayer = ({ config: { timeout: timeoutMs }, clock, onTimeout }) =>
  timeoutMs === undefined ? undefined : { name: 'timeout', layer: timeout({ timeoutMs, clock, onTimeout }) };

const spans: MakeCallLayer = ({ lookup, tracesCalls, connector: { span }, isFound }) => {
  if (!tracesCalls || span === undefined) return undefined;
  const attributes = { 'millrace.lookup': lookup, ...span.attributes };
  return { name: 'spans', layer: traced({ name: span.name, attributes }, isFound) };
};

/** The layers of a lookup, in the order in which a request passes them. */
export interface LayerList {
  /** What one record passes: a layer may answer it, delay it, or make several calls of it. */
  readonly record: readonly MakeLayer[];
  /** What one call passes: none of these answers without a call or makes a second one. */
  readonly call: readonly MakeCallLayer[];
}

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
export const lookupLayers: LayerList = { record: [cache, retry], call: [limit, attemptTimeout, spans] };
