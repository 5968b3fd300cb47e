import { fastify, type FastifyInstance } from 'fastify';
import type { ServerConfig } from '../config/schema/schema.ts';
import type { JsonObject } from '../core/json/json.ts';
import { RequestError } from '../core/errors.ts';
import type { Refusals } from '../core/observer/refusals.ts';
import { Access } from './access/access.ts';
import { Expectations } from './connection/expectations.ts';
import type { Clock } from '../core/time/time.ts';
import type { DrainState } from './connection/drain.ts';
import type { LiveStreams } from './stream/live-streams.ts';
import { requestError } from './framework-errors.ts';
import { sendRequestError } from './problem.ts';
import { serveHttp2 } from './http2/serve-http2.ts';
import { type ReloadResult, reloadRoute } from './reload-route.ts';
import { requestId } from './request-id.ts';
import { refuseOtherMethods } from './routing.ts';
import { requireCertificate } from './tls/client-certificate.ts';
import { watchHandshakes } from './tls/handshakes.ts';
import { type ListenerTls, serverOptions } from './tls/secure-server.ts';
import { noSchemaCompilers } from './openapi/schema-compilers.ts';

/** They show nothing, and a kubelet names the address of the pod and has no token. */
const openPaths = ['/livez', '/readyz'] as const;
const readPaths = [...openPaths, '/metrics', '/state'] as const;
/** All paths of this listener. */
export const adminPaths = [...readPaths, '/reload'] as const;

export interface AdminOptions {
  readonly drainState: DrainState;
  readonly streams: LiveStreams;
  /** The metrics of this moment in the format of Prometheus. */
  readonly scrape: { readonly contentType: string; text: () => Promise<string> };
  /** The members of `/state` that are not about single streams: version, uptime, pipelines, lookups, the last errors. */
  readonly state: () => JsonObject;
  /** The configuration in force. */
  readonly config: () => ServerConfig;
  /** Counts the requests that are refused by their head. */
  readonly refusals: Refusals;
  /** Reads the configuration again; resolves when the new one is in force or refused. */
  readonly reload: () => Promise<ReloadResult>;
  /** Undefined: the listener speaks plain HTTP. */
  readonly tls: ListenerTls | undefined;
  readonly clock: Clock;
}

/** Builds the listener for operators: health, metrics, state, reload. The caller lets it listen. */
export function buildAdminApp(options: AdminOptions): FastifyInstance {
  const { drainState, streams, scrape, state, config, refusals, reload, tls, clock } = options;
  const app = fastify({
    logger: false,
    genReqId: requestId,
    forceCloseConnections: true,
    schemaController: noSchemaCompilers,
    // A kubelet has no certificate of a client: the handshake succeeds without one, and the routes refuse the request.
    ...serverOptions({}, tls, 'answered'),
  });
  const timeoutMs = (): number => config().limits.headersTimeout;
  serveHttp2(app.server, { timeoutMs, clock, late: (socket) => socket.destroy() });
  if (tls !== undefined) {
    watchHandshakes(app.server, { timeoutMs, clock, failed: tls.failed });
    if (tls.files.clientCa !== undefined) requireCertificate(app, new Set(openPaths));
  }
  const expectations = new Expectations(app.server);
  const access = new Access(app, { listener: 'admin', config, clock });
  app.addHook('onRequest', (request, reply, done) => {
    const open = openPaths.some((path) => path === request.routeOptions.url);
    const refused = (open ? undefined : access.refusal(request, reply)) ?? expectations.problem(request.raw);
    if (refused === undefined && !open && access.answersPreflight(request, reply)) return;
    if (refused === undefined) expectations.accept(request.raw, reply.raw);
    done(refused);
  });
  app.get('/livez', () => ({ status: 'live' }));
  app.get('/readyz', (_request, reply) => {
    if (!drainState.draining) return { status: 'ready' };
    return reply.code(503).send({ status: 'draining', streams: streams.size });
  });
  app.get('/metrics', async (_request, reply) => reply.type(scrape.contentType).send(await scrape.text()));
  app.get('/state', () => ({ draining: drainState.draining, streams: streams.describe(), ...state() }));
  for (const path of readPaths) refuseOtherMethods(app, path, ['GET', 'HEAD']);
  reloadRoute(app, reload);
  app.setErrorHandler((error, _request, reply) => {
    const known = requestError(error);
    refusals.count(known.code);
    return sendRequestError(reply, known);
  });
  app.setNotFoundHandler((request, reply) =>
    sendRequestError(reply, new RequestError('unknown_route', `${request.url} is not one of ${adminPaths.join(', ')}`)),
  );
  return app;
}
