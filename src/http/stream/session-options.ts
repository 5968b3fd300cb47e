import type { FastifyBaseLogger } from 'fastify';
import type { StreamTrace } from '../../core/observer/tracing.ts';
import type { Clock } from '../../core/time/time.ts';
import type { Duplex } from '../../core/vocabulary.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { StreamSettings } from '../../pipeline/stream-settings.ts';
import type { TokenUse } from '../access/token-use.ts';
import type { Served } from '../app-options.ts';
import type { Codings } from '../coding/negotiation.ts';
import type { LiveStreams } from './live-streams.ts';
import type { Transport } from './transport.ts';

/** What a session is made of. */
export interface SessionOptions {
  readonly id: string;
  /** The version of HTTP of the request: 1.0, 1.1 or 2. */
  readonly httpVersion: string;
  readonly transport: Transport;
  /** The codings of the body and of the output, for `/state`. */
  readonly codings: Codings;
  /** Whether the client reads while it sends, as far as it is known. */
  readonly duplex: Duplex;
  readonly pipeline: Pipeline;
  readonly settings: StreamSettings;
  readonly trace: StreamTrace | undefined;
  readonly streams: LiveStreams;
  /** Keeps the pipeline open until the function returned is called. */
  readonly keepOpen: () => () => void;
  /** What the token of the request uses. */
  readonly use: TokenUse | undefined;
  readonly limits: Pick<Served['limits'], 'idleTimeout' | 'stallTimeout'>;
  readonly clock: Clock;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'>;
}
