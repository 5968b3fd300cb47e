import { RecordError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json/json.ts';
import type { Logger } from '../../core/observer/logger.ts';
import type { Observer } from '../../core/observer/observer.ts';
import type { Secrets } from '../../core/secrets/secrets.ts';
import { type Clock, systemRandom } from '../../core/time/time.ts';
import type { LookupConfig } from '../../config/schema/schema.ts';
import type { Connector } from '../../connectors/connector.ts';
import { connectorOf } from '../../connectors/registry.ts';
import {
  type Answer,
  type Arguments,
  type KeepableAnswers,
  type LayerEntry,
  type LookupLayerEntry,
  type LookupService,
  type Reply,
  stack,
} from '../../lookup/lookup.ts';
import { SharedBuckets } from '../../lookup/rate-limit/shared-bucket.ts';
import { RetryBudget } from '../../lookup/retry/budget.ts';
import { type CallParts, type LayerList, type LayerParts, lookupLayers } from './layers.ts';

/** A layer of a lookup, for a reader. */
export interface PassedLayer {
  /** As in the configuration. */
  readonly name: string;
  /** The text under which the layer stores the answer; undefined if it stores none. */
  keyOf(args: Arguments): string | undefined;
}

/** A named lookup with its layers: one for all pipelines and all streams. */
export interface Lookup {
  readonly name: string;
  readonly call: LookupService;
  /** `call` always returns an Answer, never a promise, and does not use its context. */
  readonly immediate: boolean;
  /** See Connector. Undefined also if a layer stands above the connector. */
  readonly keepable?: KeepableAnswers | undefined;
  /** See Connector. */
  readonly runsUserCode: boolean;
  /** Bytes that are reserved for an answer until its size is known. */
  readonly largestAnswerBytes: number;
  describe(args: Arguments): JsonObject;
  /** Milliseconds until a call that comes now could begin, as far as it is known; 0 if it is not. */
  waitMs(): number;
  /** The layers that a record passes, in order. */
  readonly layers: readonly PassedLayer[];
  close(): Promise<void>;
}

export interface LookupRuntime {
  readonly clock: Clock;
  readonly observer: Observer;
  /** The log of a lookup and of its function. */
  readonly logger: (lookup: string) => Logger;
  /** Whether calls become spans. */
  readonly tracesCalls: boolean;
  /** Folder of the configuration file. */
  readonly baseDir: string;
  /** Number of the configuration, from 1. Each has its own, also one whose lookups could not be opened. */
  readonly generation: number;
  /** Texts that no message shows. */
  readonly secrets: Secrets;
}

/** A lookup that this process has opened. */
export interface OpenedLookup extends Lookup {
  /** Reaches the far end without the layers. See Connector. */
  readonly reach: Connector['reach'];
}

/** Hedges without a `retry` have the budget that a retry has by default. */
function budgetOf({ retry, hedge }: LookupConfig, clock: Clock): RetryBudget | undefined {
  if (retry === undefined && hedge === undefined) return undefined;
  return new RetryBudget(retry?.budget ?? { ratio: 0.2, perSecond: 10 }, clock);
}

/**
 * Opens one lookup: it is ready to answer when the promise resolves. The promise rejects if the connector cannot be
 * opened. `list` has its layers. Lookups of one name share their rate by `buckets`.
 */
export async function openLookup(
  name: string,
  config: LookupConfig,
  runtime: LookupRuntime,
  list: LayerList = lookupLayers,
  buckets = new SharedBuckets(),
): Promise<OpenedLookup> {
  const { clock, baseDir, generation, tracesCalls } = runtime;
  const observer = runtime.observer.lookup(name);
  const metrics = runtime.observer.functionMetrics(name);
  const logger = runtime.logger(name);
  const connector = connectorOf(config).create({
    lookup: name,
    clock,
    observer,
    metrics: metrics.group,
    logger,
    baseDir,
    secrets: runtime.secrets,
    readsFreshness: config.cache?.respectCacheControl === true,
    generation,
  });
  try {
    await connector.open();
  } catch (error) {
    metrics.close();
    throw error;
  }
  const budget = budgetOf(config, clock);
  const parts = {
    lookup: name,
    config,
    connector,
    clock,
    random: systemRandom,
    observer,
    tracesCalls,
    buckets,
    budget,
  };
  const { call, recordLayers, callLayers: entries } = layered(parts, list);
  const layers = [...recordLayers, ...entries];
  const stopGauges = layers.map((layer) =>
    layer.gauges === undefined ? undefined : observer.layer(layer.name, () => layer.gauges?.() ?? {}),
  );
  return {
    name,
    call,
    immediate: connector.immediate && layers.length === 0,
    keepable: layers.length === 0 ? connector.keepable : undefined,
    runsUserCode: connector.runsUserCode,
    largestAnswerBytes: connector.largestAnswerBytes,
    describe: (args) => connector.describe(args),
    waitMs: () => Math.max(0, ...layers.map((layer) => layer.turnMs?.() ?? 0)),
    layers: [
      ...recordLayers.map((layer) => ({ name: layer.name, keyOf: (args: Arguments) => layer.key?.(args) })),
      ...entries.map((layer) => ({ name: layer.name, keyOf: () => undefined })),
    ],
    reach: (context) => connector.reach(context),
    async close() {
      metrics.close();
      for (const stop of stopGauges) stop?.();
      for (const layer of layers) layer.close?.();
      await connector.close();
    },
  };
}

/** A connector with all layers of its lookup. */
export interface LayeredConnector {
  readonly call: LookupService;
  /** Those that a record passes, and those that its call passes, in order. */
  readonly recordLayers: readonly LookupLayerEntry[];
  readonly callLayers: Calls['entries'];
}

/** Puts the layers of a lookup around its connector. */
export function layered(parts: LayerParts, list: LayerList = lookupLayers): LayeredConnector {
  const recordLayers = list.record.map((make) => make(parts)).filter((layer) => layer !== undefined);
  const { service, entries } = callsOf(parts, list);
  return { call: stack(service, ...recordLayers.map(({ layer }) => layer)), recordLayers, callLayers: entries };
}

/** The connector with the layers of its calls, and these layers in order. */
interface Calls {
  readonly service: LookupService;
  readonly entries: readonly Pick<LayerEntry<never, never>, 'name' | 'gauges' | 'turnMs' | 'close'>[];
}

function callsOf(parts: LayerParts, { batch, call }: LayerList): Calls {
  const { lookup, connector } = parts;
  const batcher = parts.config.batch === undefined ? undefined : batch(parts);
  if (batcher === undefined) {
    const entries = callLayers<Arguments, Answer>(call, { ...parts, onTimeout: connector.onTimeout, isFound });
    return { service: stack(connector.call, ...entries.map(({ layer }) => layer)), entries };
  }
  if (connector.callMany === undefined)
    throw new Error(`lookup "${lookup}" takes one request a call, so it has no batch`);
  const entries = callLayers<readonly Arguments[], readonly Reply<Answer>[]>(call, {
    ...parts,
    onTimeout: undefined,
    isFound: (replies) => replies.some(isFound),
  });
  const service = batcher.over(stack(connector.callMany, ...entries.map(({ layer }) => layer)));
  return { service, entries: [batcher, ...entries] };
}

/** Made from the last one to the first: `limit` waits for the gates of all layers below it. */
function callLayers<Req, Res>(
  list: LayerList['call'],
  parts: Omit<CallParts<Req, Res>, 'gate'>,
): readonly LayerEntry<Req, Res>[] {
  const layers: LayerEntry<Req, Res>[] = [];
  let { gate } = parts.connector;
  for (const make of list.toReversed()) {
    const layer = make<Req, Res>({ ...parts, gate });
    if (layer === undefined) continue;
    layers.unshift(layer);
    gate = layer.gate === undefined ? gate : layer.gate(gate);
  }
  return layers;
}

function isFound(reply: Reply<Answer>): boolean {
  return !(reply instanceof RecordError) && reply.json !== undefined;
}
