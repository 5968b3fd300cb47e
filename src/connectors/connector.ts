import type { z } from 'zod';
import type { CallContext } from '../core/call/call-context.ts';
import type { Finding } from '../core/finding.ts';
import type { JsonObject } from '../core/json/json.ts';
import type { Logger } from '../core/observer/logger.ts';
import type { MetricGroup } from '../core/observer/metric-group.ts';
import type { LookupObserver } from '../core/observer/observer.ts';
import type { Secrets } from '../core/secrets/secrets.ts';
import type { Clock } from '../core/time/time.ts';
import type { CallAbout } from '../core/observer/tracing.ts';
import type { Gate } from '../core/call/gate.ts';
import type { HttpBatchOptions } from './http/batch/http-batch-options.ts';
import type { KeyOf } from '../lookup/coalesce/coalesce.ts';
import type { Arguments, KeepableAnswers, LookupService, ManyLookupService } from '../lookup/lookup.ts';

/** The part of a lookup that calls another system. One instance serves all pipelines and streams. */
export interface Connector {
  readonly call: LookupService;
  /**
   * Answers many requests in one call: one reply for each, in their order. A miss is an Answer without `json`, and a
   * failure of one request is a RecordError at its index. Undefined if the lookup has no batch.
   */
  readonly callMany?: ManyLookupService | undefined;
  /**
   * The whole request that `call` would make: two equal requests get the same answer. The layer `coalesce` calls it just
   * before `call`, which may use again what was rendered for the same `args`. Undefined if an answer is immediate. Throws
   * the error that `call` would throw.
   */
  readonly requestKey?: KeyOf<Arguments> | undefined;
  /** `call` always returns an Answer, never a promise, and does not use its context. */
  readonly immediate: boolean;
  /** How the answers can be kept by those who use them. Undefined if an answer must come from `call`. */
  readonly keepable?: KeepableAnswers | undefined;
  /** Bounds the calls; `call` may only be called while it is open. Undefined if any number of calls may run. */
  readonly gate?: Gate | undefined;
  /**
   * A call runs code of a user, which may throw outside of its result, so no call is made while Node.js reads a request:
   * an exception in `process.nextTick`, or in a listener of an AbortSignal, ends that reading, and the connection hangs.
   */
  readonly runsUserCode: boolean;
  /** The most bytes that one answer may take in memory, or an estimate if there is no bound; 0 if answers are in memory anyway. */
  readonly largestAnswerBytes: number;
  /** Gives the outcome of a call that took longer than `lookups.NAME.timeout`. It is called after the cancellation. */
  readonly onTimeout?: LookupService | undefined;
  /** Name and attributes of the span of a call; undefined if a call is too short for a span. */
  readonly span?: CallAbout | undefined;
  /** The request of `call` as a client may see it (secrets hidden). Sends nothing. Throws the error that `call` would throw. */
  describe(args: Arguments): JsonObject;
  /**
   * Tries to reach the far end without a request, and describes what it reached. Called after `open`. Rejects with
   * RecordError if the far end cannot be reached, or when the context is cancelled.
   */
  reach(context: CallContext): Promise<string>;
  /** Reads files and opens modules. Called once, before the first call. */
  open(): Promise<void>;
  /** Closes connections, files and watchers. Called once, after the last call. */
  close(): Promise<void>;
}

export interface ConnectorRuntime {
  /** Name of the lookup, for messages. */
  readonly lookup: string;
  readonly clock: Clock;
  readonly observer: LookupObserver;
  /** The metrics of a user's function. */
  readonly metrics: MetricGroup;
  /** The log of the connector and of a user's function: each line names the lookup. */
  readonly logger: Logger;
  /** The texts that no message shows. A connector adds what it gets from elsewhere, such as an access token. */
  readonly secrets: Pick<Secrets, 'learn' | 'learnToken'>;
  /** Whether answers carry what the far end says about storing them (`cache.respectCacheControl`). */
  readonly readsFreshness: boolean;
  /** Folder that relative file names start from: that of the configuration file. */
  readonly baseDir: string;
  /**
   * Number of the configuration that opens the connector, from 1 at the start. A module, which Node.js loads once a process, is loaded
   * again by a later configuration.
   */
  readonly generation: number;
}

/** The keys of `lookups.NAME.batch` that belong to a connector, by its name. */
export interface ConnectorBatch {
  readonly http?: HttpBatchOptions | undefined;
}

/** A kind of connector in the registry. Its options have all defaults; durations are milliseconds and sizes bytes. */
export interface ConnectorDefinition<Options> {
  readonly name: string;
  /** Whether the far end says how long an answer may be stored. */
  readonly tellsFreshness: boolean;
  readonly schema: z.ZodType<Options>;
  /**
   * Names of the arguments that the options use. Every step that uses the lookup has each of them in its `with`, and no
   * other. Undefined if a step may have any arguments.
   */
  parameters(options: Options, batch?: ConnectorBatch): readonly string[] | undefined;
  /** Mistakes that the schema cannot find (a template with a variable in its host). */
  findings(options: Options): readonly Finding[];
  /** Mistakes in `batch`, with paths below it. Without it, the connector has no key there. */
  batchFindings?(options: Options, batch: ConnectorBatch): readonly Finding[];
  /** Files that are read when it is opened, as the options name them. A reload opens it again if one has changed. */
  files(options: Options): readonly string[];
  /** Whether a change of such a file causes a reload. If not, the next reload finds it. */
  readonly watchesFiles: boolean;
  /** With `batch`, the connector has `callMany`. */
  create(options: Options, runtime: ConnectorRuntime, batch?: ConnectorBatch): Connector;
}
