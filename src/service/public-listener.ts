import type { AppOptions, HttpApp } from '../http/app-options.ts';
import { buildApp } from '../http/app.ts';
import { type Connections, limitConnections } from '../http/connection/connections.ts';
import { drain, type DrainState } from '../http/connection/drain.ts';
import { procQueues } from '../http/connection/kernel-queues.ts';
import { OpenResponses } from '../http/connection/open-responses.ts';
import { StallWatch } from '../http/connection/stall-watch.ts';
import { REFUSED_AT_ONCE } from './process-limits.ts';

export interface PublicListenerOptions extends Omit<AppOptions, 'drainState' | 'responses' | 'stalls'> {
  /** Connections that stay open, at the most. */
  readonly mostConnections: number;
}

/** The listener for clients, which does not listen yet. */
export interface PublicListener {
  readonly app: HttpApp;
  readonly drainState: DrainState;
  readonly connections: Connections;
  /** Lets running streams end within the time, then closes. Resolves with the number of streams that were cut. */
  drain(drainTimeoutMs: number): Promise<number>;
}

export async function publicListener(options: PublicListenerOptions): Promise<PublicListener> {
  const { clock, streams, mostConnections } = options;
  const drainState: DrainState = { draining: false };
  const responses = new OpenResponses(clock);
  const stalls = new StallWatch(clock, procQueues());
  const app = await buildApp({ ...options, drainState, responses, stalls });
  return {
    app,
    drainState,
    connections: limitConnections(app.server, { limit: mostConnections, refusedAtOnce: REFUSED_AT_ONCE, clock }),
    drain: (drainTimeoutMs) => drain({ app, streams, drainState, responses, clock, drainTimeoutMs }),
  };
}
