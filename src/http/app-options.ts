import type { ServerConfig } from '../config/schema/schema.ts';
import type { DescribeConfig } from '../pipeline/generations.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { MemoryBudget } from '../core/memory-budget.ts';
import type { Clock } from '../core/time/time.ts';
import type { Tracer } from '../core/observer/tracing.ts';
import type { Refusals } from '../core/observer/refusals.ts';
import type { DrainState } from './connection/drain.ts';
import type { ListenerTls } from './tls/secure-server.ts';
import type { LiveStreams } from './stream/live-streams.ts';
import type { OpenResponses } from './connection/open-responses.ts';
import type { SpoolSpace } from './spool/spool-space.ts';
import type { StallWatch } from './connection/stall-watch.ts';

/** The pipelines that a listener serves. */
export interface PipelineDirectory {
  readonly names: readonly string[];
  get(name: string): Pipeline | undefined;
}

/** One configuration, for the routes. */
export interface Served {
  readonly pipelines: PipelineDirectory;
  readonly server: ServerConfig;
  readonly limits: ServerConfig['limits'];
  readonly describe: DescribeConfig;
  /** Keeps its pipelines open until the function returned is called. */
  keepOpen(): () => void;
}

/** The configuration in force. A request reads it once; the next request may get another one. */
interface Serving {
  readonly current: Served;
}

/** The public listener, for the code that starts and stops it. */
export type HttpApp = FastifyInstance;

export interface AppOptions {
  readonly serving: Serving;
  readonly streams: LiveStreams;
  /** The memory that all streams, single records and explanations share. */
  readonly memory: MemoryBudget;
  /** Where the output of clients waits that do not read it. */
  readonly spool: SpoolSpace;
  readonly drainState: DrainState;
  /** Counts the requests that are refused by their head. */
  readonly refusals: Refusals;
  /** The responses of this listener only. */
  readonly responses: OpenResponses;
  /** Undefined: the listener speaks plain HTTP. */
  readonly tls: ListenerTls | undefined;
  readonly stalls: StallWatch;
  readonly clock: Clock;
  readonly tracer: Tracer;
  readonly logger: FastifyBaseLogger | false;
  /** Version of the service, for the OpenAPI document. */
  readonly version: string;
  /** The address of the admin listener, for the OpenAPI document; undefined if it does not listen. */
  readonly adminUrl: () => string | undefined;
}
