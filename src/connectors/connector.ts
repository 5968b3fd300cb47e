import type { z } from 'zod';
import type { CallContext } from '../core/call/call-context.ts';
import type { JsonObject } from '../core/json/json.ts';
import type { Logger } from '../core/observer/logger.ts';
import type { MetricGroup } from '../core/observer/metric-group.ts';
import type { LookupObserver } from '../core/observer/observer.ts';
import type { Clock } from '../core/time/time.ts';
import type { CallAbout } from '../core/observer/tracing.ts';
import type { Gate } from '../core/call/gate.ts';
import type { Arguments, LookupService, ManyLookupService } from '../lookup/lookup.ts';

/** A lookup's far end: the only thing that reaches out. One instance serves all pipelines and streams. */
export interface Connector {
  readonly call: LookupService;
  /**
   * Answers many requests in one call: one reply for each, in their order. A key that is not there is an Answer without
   * `json`; a request that fails is a RecordError at its place, and the others have their answers. Undefined if the far
   * end takes one request a call.
   */
  readonly callMany?: ManyLookupService | undefined;
  /** `call` always returns an Answer, never a promise, and does not use its context. */
  readonly immediate: boolean;
  /** Bounds the calls; `call` may only be called while it is open. Undefined if any number of calls may run. */
  readonly gate?: Gate | undefined;
  /**
   * A call runs code of a user, whose mistakes may leave it by other ways than its result: it is not made while Node.js
   * reads a request. An exception of `process.nextTick`, or of a listener of an AbortSignal, ends that reading, and the
   * connection stands still.
   */
  readonly runsUserCode: boolean;
  /** The most that one answer may take in memory, or what is assumed if there is no bound; 0 if the answers are held anyway. */
  readonly largestAnswerBytes: number;
  /** Decides the outcome of a call that ran out of its own time (`lookups.NAME.timeout`), after it was cancelled. */
  readonly onTimeout?: LookupService | undefined;
  /** What a span of a call says; undefined where a call is too short to be worth one. */
  readonly span?: CallAbout | undefined;
  /** What `call` would send, as a client may see it (secrets hidden). Sends nothing; throws what `call` would refuse. */
  describe(args: Arguments): JsonObject;
  /**
   * Tries the far end as far as that needs no record, and says what is there. Sends no request. Called when it is open;
   * rejects with RecordError where the far end is not to be had, and gives up when the context is cancelled.
   */
  reach(context: CallContext): Promise<string>;
  /** Ready to answer: files read, modules opened. Called once, before the first call. */
  open(): Promise<void>;
  /** Lets go of connections, files, watchers. Called once, after the last call. */
  close(): Promise<void>;
}

export interface ConnectorRuntime {
  /** Name of the lookup, for messages. */
  readonly lookup: string;
  readonly clock: Clock;
  readonly observer: LookupObserver;
  /** What a user's function counts. */
  readonly metrics: MetricGroup;
  /** What the connector, and a user's function, say: each line names the lookup. */
  readonly logger: Logger;
  /** Folder that relative file names start from: that of the configuration file. */
  readonly baseDir: string;
  /**
   * Number of the configuration that opens it, from 1 at the start: what is loaded once a process, a module, is loaded
   * anew by a later one.
   */
  readonly generation: number;
}

/** What the registry knows of a kind of connector. Options are complete and in house units when they get here. */
export interface ConnectorDefinition<Options> {
  readonly name: string;
  readonly schema: z.ZodType<Options>;
  /**
   * Names of the arguments that the options ask for; each needs a `with` in every step that uses the lookup, and there
   * may be no other. Undefined where any arguments will do.
   */
  parameters(options: Options): readonly string[] | undefined;
  /** Problems that the schema can not see (a template with a variable in its host): where, and what is wrong. */
  problems(options: Options): readonly {
    readonly path: readonly (string | number)[];
    readonly message: string;
  }[];
  /** Files that are read when it is opened, as the options name them: when one changes, a reload opens it anew. */
  files(options: Options): readonly string[];
  /** Whether a change of such a file is a reason for a reload; if not, it waits for one that comes anyway. */
  readonly watchesFiles: boolean;
  create(options: Options, runtime: ConnectorRuntime): Connector;
}
