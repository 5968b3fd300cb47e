import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { ServerConfig } from '../config/schema.ts';
import type { JsonValue } from '../core/json.ts';
import type { Clock } from '../core/time.ts';
import type { Tracer } from '../core/tracing.ts';
import type { Gate } from './drain.ts';
import type { LiveStreams } from './live-streams.ts';
import type { PipelineDirectory } from './routing.ts';

/** A listener that is built, for those who start and stop it. */
export type HttpApp = FastifyInstance;

export interface AppOptions {
  readonly pipelines: PipelineDirectory;
  readonly limits: ServerConfig['limits'];
  readonly streams: LiveStreams;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly tracer: Tracer;
  readonly logger: FastifyBaseLogger | false;
  /** Version of the service, for the OpenAPI document. */
  readonly version: string;
  /** The effective configuration of a pipeline there is, secrets hidden. */
  readonly describe: (pipeline: string) => JsonValue;
}
