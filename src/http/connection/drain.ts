import { RequestError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import type { FastifyInstance } from 'fastify';
import type { LiveStreams } from '../stream/live-streams.ts';
import type { OpenResponses } from './open-responses.ts';

/** Whether the service drains. Both listeners read it: a service that drains is not ready, and takes no new stream. */
export interface DrainState {
  draining: boolean;
}

export interface DrainOptions {
  readonly app: FastifyInstance;
  readonly streams: LiveStreams;
  readonly drainState: DrainState;
  readonly responses: OpenResponses;
  readonly clock: Clock;
  /** How long running streams may continue. */
  readonly drainTimeoutMs: number;
}

/** How often idle connections are closed while streams still run. */
const CLOSE_IDLE_EVERY_MS = 200;
/** How long other answers, and the last bytes of cut streams, may still be sent after the last stream. */
const LAST_ANSWERS_MS = 1000;

/**
 * Lets running streams end, then closes the listener. From now on new streams get 503; the port still
 * answers. HTTP/2 connections get GOAWAY. Streams
 * that run longer than `drainTimeoutMs` are cut. When no stream is left, idle connections are closed at once, and all
 * others within a second. Resolves with the number of streams that were cut.
 */
export async function drain({
  app,
  streams,
  drainState,
  responses,
  clock,
  drainTimeoutMs,
}: DrainOptions): Promise<number> {
  drainState.draining = true;
  streams.announceDrain();
  responses.announceEnd();
  let disarmIdle: (() => void) | undefined;
  const closeIdle = (): void => {
    app.server.closeIdleConnections();
    disarmIdle = clock.setTimer(CLOSE_IDLE_EVERY_MS, closeIdle);
  };
  closeIdle();
  let cut = 0;
  const disarmLimit = clock.setTimer(drainTimeoutMs, () => {
    cut = streams.size;
    streams.cutAll('drained', new RequestError('draining', 'the service stopped before the stream was complete'));
  });
  await streams.empty();
  disarmLimit();
  disarmIdle?.();
  const closed = app.close();
  responses.closeUnused();
  const disarmLast = clock.setTimer(LAST_ANSWERS_MS, () => responses.closeAll());
  await closed;
  disarmLast();
  return cut;
}
