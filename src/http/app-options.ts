import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { MemoryBudget } from '../core/memory-budget.ts';
import type { Clock } from '../core/time/time.ts';
import type { Tracer } from '../core/observer/tracing.ts';
import type { DrainState } from './connection/drain.ts';
import type { LiveStreams } from './stream/live-streams.ts';
import type { OpenResponses } from './connection/open-responses.ts';
import type { StallWatch } from './connection/stall-watch.ts';
import type { Serving } from './served.ts';

/** A listener that is built, for those who start and stop it. */
export type HttpApp = FastifyInstance;

export interface AppOptions {
  readonly serving: Serving;
  readonly streams: LiveStreams;
  /** What all streams, single records and explanations together may hold. */
  readonly memory: MemoryBudget;
  readonly drainState: DrainState;
  /** Of this listener alone. */
  readonly responses: OpenResponses;
  readonly stalls: StallWatch;
  readonly clock: Clock;
  readonly tracer: Tracer;
  readonly logger: FastifyBaseLogger | false;
  /** Version of the service, for the OpenAPI document. */
  readonly version: string;
  /** Where the admin listener is, for the OpenAPI document; undefined if it does not listen. */
  readonly adminUrl: () => string | undefined;
}
