import type { Gate } from '../../core/call/gate.ts';
import type { LookupObserver } from '../../core/observer/observer.ts';
import type { Clock, Random } from '../../core/time/time.ts';
import type { LookupConfig } from '../../config/schema/schema.ts';
import type { Connector } from '../../connectors/connector.ts';
import { Batcher } from '../../lookup/batch/batcher.ts';
import { argumentsKey } from '../../lookup/arguments-key.ts';
import { Breaker } from '../../lookup/breaker/breaker.ts';
import { LookupCache } from '../../lookup/cache/cache.ts';
import { Coalesce } from '../../lookup/coalesce/coalesce.ts';
import { Hedge } from '../../lookup/hedge/hedge.ts';
import { Concurrency } from '../../lookup/limit/concurrency.ts';
import { Limit, unlimited } from '../../lookup/limit/limit.ts';
import { RateLimit } from '../../lookup/rate-limit/rate-limit.ts';
import type { SharedBuckets } from '../../lookup/rate-limit/shared-bucket.ts';
import type { RetryBudget } from '../../lookup/retry/budget.ts';
import { lookupRetry } from '../../lookup/retry/lookup-retry.ts';
import type { Answer, Arguments, BatchEntry, LayerEntry, LookupLayerEntry, Service } from '../../lookup/lookup.ts';
import { timeout } from '../../lookup/timeout.ts';
import { traced } from '../../lookup/traced.ts';

/** The parts from which the layers of one lookup are made. */
export interface LayerParts {
  readonly lookup: string;
  readonly config: LookupConfig;
  /** An open connector. */
  readonly connector: Connector;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: LookupObserver;
  /** Bounds the retries and hedges together; undefined if the lookup has neither. */
  readonly budget: RetryBudget | undefined;
  /** Whether calls become spans. */
  readonly tracesCalls: boolean;
  /** The rates of all lookups of the process. */
  readonly buckets: SharedBuckets;
}

/** Makes the entry that gathers the requests of records into calls; undefined if every record has a call of its own. */
type MakeBatch = (parts: LayerParts) => BatchEntry<Arguments, Answer> | undefined;

/** What a layer of one call knows about the requests and answers that pass it. */
export interface CallParts<Req, Res> extends LayerParts {
  /** Gives the outcome of a call that took longer than `timeout`. */
  readonly onTimeout: Service<Req, Res> | undefined;
  /** What a call waits for, by the connector and the layers below this one; undefined: for nothing. */
  readonly gate: Gate | undefined;
  /** Whether an answer has a value; false for a miss. */
  readonly isFound: (answer: Res) => boolean;
}

/** Makes one layer of a lookup, which passes one record; undefined if the lookup has no such layer. */
type MakeLayer = (parts: LayerParts) => LookupLayerEntry | undefined;

/** The same for a layer that passes one call, whatever it calls for: one record, or a batch of them. */
type MakeCallLayer = <Req, Res>(parts: CallParts<Req, Res>) => LayerEntry<Req, Res> | undefined;

const cache: MakeLayer = ({ config, clock }) =>
  config.cache === undefined ? undefined : new LookupCache(config.cache, clock, config.timeout !== undefined);

/** An immediate answer is there before another request comes. */
const coalesce: MakeLayer = ({ config, connector: { immediate, requestKey }, random }) => {
  if (!config.coalesce || immediate || requestKey === undefined) return undefined;
  return new Coalesce<Arguments, Answer>(requestKey, random, config.timeout === undefined);
};

const retry: MakeLayer = ({ config, clock, random, observer, budget }) =>
  config.retry === undefined
    ? undefined
    : { name: 'retry', layer: lookupRetry(config.retry, { clock, random, observer, budget }) };

const hedge: MakeLayer = ({ config, clock, budget, connector: { immediate } }) =>
  config.hedge === undefined || budget === undefined || immediate
    ? undefined
    : new Hedge<Arguments, Answer>(config.hedge, { clock, budget, countsCalls: config.retry === undefined });

const batch: MakeBatch = ({ config, clock, observer }) =>
  config.batch === undefined ? undefined : new Batcher(config.batch, { clock, observer, keyOf: argumentsKey });

/** The calls of an immediate connector neither wait nor use a clock, unless a layer or a batch makes them wait. */
const limit: MakeCallLayer = <Req, Res>({ config, connector: { immediate }, gate }: CallParts<Req, Res>) => {
  if (gate !== undefined) return new Limit<Req, Res>(gate);
  return immediate && config.batch === undefined ? undefined : { name: 'limit', layer: unlimited<Req, Res>() };
};

const breaker: MakeCallLayer = <Req, Res>({ lookup, config, clock, observer }: CallParts<Req, Res>) =>
  config.breaker === undefined ? undefined : new Breaker<Req, Res>(config.breaker, { lookup, clock, observer });

const concurrency: MakeCallLayer = <Req, Res>({ config, clock }: CallParts<Req, Res>) =>
  config.concurrency === undefined ? undefined : new Concurrency<Req, Res>(config.concurrency, clock);

const rateLimit: MakeCallLayer = <Req, Res>({ lookup, config, clock, buckets }: CallParts<Req, Res>) =>
  config.rateLimit === undefined ? undefined : new RateLimit<Req, Res>(config.rateLimit, { lookup, clock, buckets });

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
  readonly batch: MakeBatch;
  /** What one call passes: none of these answers without a call or makes a second one. */
  readonly call: readonly MakeCallLayer[];
}

/**
 * The order of the layers, written once: a request passes them from the first to the last, and then the connector.
 *
 *     cache      A hit needs no call: it stands above all that makes, delays or counts calls.
 *     coalesce   One call for equal requests, with its retries and waits: it stands above all of these.
 *     retry      Makes calls, so it stands above all that delays, counts or times one of them.
 *     hedge      A hedge is a second call of one attempt, so it stands below `retry`.
 *     batch      Makes one call for many records, so it stands below all that belongs to one record.
 *     limit      The wait for a free connection is not part of an attempt, so it stands above `timeout`. All that a
 *                call waits for, also by the layers below, it waits for here, in one queue in which the streams take turns.
 *     breaker    Times calls without their wait, and refuses also those that waited while it opened: it stands below
 *                `limit`. A refused call uses up no rate, so it stands above `rateLimit`.
 *     concurrency  Counts calls while they run, and no call that `breaker` has refused.
 *     rateLimit  Counts calls when they begin, so it stands below the wait.
 *     timeout    Bounds one attempt and nothing else.
 *     spans      One span is one attempt, so it begins after every wait.
 *
 * Above `batch` a layer has one record, below it one call.
 */
export const lookupLayers: LayerList = {
  record: [cache, coalesce, retry, hedge],
  batch,
  call: [limit, breaker, concurrency, rateLimit, attemptTimeout, spans],
};
