import { RequestError } from '../core/errors.ts';
import type { Clock } from '../core/time.ts';
import type { FastifyInstance } from 'fastify';
import type { LiveStreams } from './live-streams.ts';

/** What the two listeners look at before they call themselves ready or take a stream. */
export interface Gate {
  draining: boolean;
}

export interface DrainOptions {
  readonly app: FastifyInstance;
  readonly streams: LiveStreams;
  readonly gate: Gate;
  readonly clock: Clock;
  /** How long running streams may go on. */
  readonly drainTimeoutMs: number;
}

/** A connection that becomes idle only after `close()` would hold it up for its whole keep-alive time. */
const CLOSE_IDLE_EVERY_MS = 200;

/**
 * Lets running streams end, then closes the listener. New streams get 503 from now on, while the port still answers.
 * Streams that still run when the time is up are cut. Resolves with the number of those.
 */
export async function drain({ app, streams, gate, clock, drainTimeoutMs }: DrainOptions): Promise<number> {
  gate.draining = true;
  streams.announceDrain();
  let disarmIdle: (() => void) | undefined;
  const closeIdle = (): void => {
    app.server.closeIdleConnections();
    disarmIdle = clock.setTimer(CLOSE_IDLE_EVERY_MS, closeIdle);
  };
  closeIdle();
  let cut = 0;
  const disarmLimit = clock.setTimer(drainTimeoutMs, () => {
    cut = streams.size;
    streams.cutAll('drained', new RequestError('draining', `the service stopped before the stream was complete`));
    app.server.closeAllConnections();
  });
  await streams.empty();
  // From here on nothing is answered any more; a client that still holds its connection is closed at the limit.
  await app.close();
  disarmLimit();
  disarmIdle?.();
  return cut;
}
