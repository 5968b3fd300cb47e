import type { JsonObject } from '../../core/json/json.ts';
import type { Logger } from '../../core/observer/logger.ts';
import type { Observer } from '../../core/observer/observer.ts';
import type { Secrets } from '../../core/secrets/secrets.ts';
import { type Clock, systemRandom } from '../../core/time/time.ts';
import type { LookupConfig } from '../../config/schema/schema.ts';
import type { Connector } from '../../connectors/connector.ts';
import { connectorOf } from '../../connectors/registry.ts';
import { type Answer, type Arguments, type LookupLayerEntry, type LookupService, stack } from '../../lookup/lookup.ts';
import { SharedBuckets } from '../../lookup/rate-limit/shared-bucket.ts';
import { lookupLayers, type LayerList } from './layers.ts';

/** A layer of a lookup, for a reader. */
export interface PassedLayer {
  /** As in the configuration. */
  readonly name: string;
  /** The text under which the layer stores or shares the answer; undefined if it does neither. */
  keyOf(args: Arguments): string | undefined;
}

/** A named lookup with its layers: one for all pipelines and all streams. */
export interface Lookup {
  readonly name: string;
  readonly call: LookupService;
  /** `call` always returns an Answer, never a promise, and does not use its context. */
  readonly immediate: boolean;
  /** See Connector. */
  readonly runsUserCode: boolean;
  /** Bytes that are reserved for an answer until its size is known. */
  readonly largestAnswerBytes: number;
  describe(args: Arguments): JsonObject;
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
    generation,
  });
  try {
    await connector.open();
  } catch (error) {
    metrics.close();
    throw error;
  }
  const parts = { lookup: name, config, connector, clock, random: systemRandom, observer, tracesCalls };
  const { onTimeout } = connector;
  const callParts = { ...parts, buckets, onTimeout, isFound: ({ json }: Answer): boolean => json !== undefined };
  const callLayers: LookupLayerEntry[] = [];
  let { gate } = connector;
  for (const make of list.call.toReversed()) {
    const layer = make<Arguments, Answer>({ ...callParts, gate });
    if (layer === undefined) continue;
    callLayers.unshift(layer);
    gate = layer.gate === undefined ? gate : layer.gate(gate);
  }
  const recordLayers = list.record.map((make) => make(parts)).filter((layer) => layer !== undefined);
  const layers = [...recordLayers, ...callLayers];
  const stopGauges = layers.map((layer) =>
    layer.gauges === undefined ? undefined : observer.layer(layer.name, () => layer.gauges?.() ?? {}),
  );
  return {
    name,
    call: stack(connector.call, ...layers.map(({ layer }) => layer)),
    immediate: connector.immediate && layers.length === 0,
    runsUserCode: connector.runsUserCode,
    largestAnswerBytes: connector.largestAnswerBytes,
    describe: (args) => connector.describe(args),
    layers: layers.map((layer) => ({ name: layer.name, keyOf: (args) => layer.key?.(args) })),
    reach: (context) => connector.reach(context),
    async close() {
      metrics.close();
      for (const stop of stopGauges) stop?.();
      for (const layer of layers) layer.close?.();
      await connector.close();
    },
  };
}
