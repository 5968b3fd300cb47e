import { fastify, type FastifyInstance, LogController } from 'fastify';
import { RequestError } from '../core/errors.ts';
import { Access } from './access/access.ts';
import { adminPaths } from './admin-app.ts';
import type { AppOptions, Served } from './app-options.ts';
import { resetUnlessRead, watchEarlyAnswer, lingerAfterClose } from './connection/connection-end.ts';
import { headTimeout } from './connection/open-responses.ts';
import { enrichRoute } from './enrich-route.ts';
import { KEEP_ALIVE_MS, serveHttp2 } from './http2/serve-http2.ts';
import { requestError } from './framework-errors.ts';
import { openApi } from './openapi/openapi.ts';
import { opsRoutes } from './ops-routes.ts';
import { sendRequestError } from './problem.ts';
import { watchHandshakes } from './tls/handshakes.ts';
import { serverOptions } from './tls/secure-server.ts';
import { requestId } from './request-id.ts';
import { pathOf } from './routing.ts';
import { Expectations } from './connection/expectations.ts';
import { headProblem } from './connection/request-head.ts';
import { documentOnly, noSchemaCompilers } from './openapi/schema-compilers.ts';

/** Builds the public listener. The caller lets it listen. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { serving, clock, logger, responses, stalls, refusals, tls } = options;
  const { limits } = serving.current;
  const app = fastify({
    ...(logger === false ? { logger } : { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    schemaController: noSchemaCompilers,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // A stream may be silent while its lookups are slow. limits.idleTimeout and limits.stallTimeout end a stream.
    connectionTimeout: 0,
    requestTimeout: 0,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    ...serverOptions(
      {
        // Node.js refuses a headersTimeout longer than its own requestTimeout, five minutes until Fastify sets it.
        requestTimeout: 0,
        // headProblem answers instead, with a problem that says what is wrong.
        requireHostHeader: false,
        headersTimeout: limits.headersTimeout,
        connectionsCheckingInterval: Math.min(1000, limits.headersTimeout),
      },
      tls,
      'refused',
    ),
    clientErrorHandler: (error, socket) => responses.refuse(error, socket),
    frameworkErrors: (error, _request, reply) => void sendRequestError(reply, requestError(error)),
  });
  // A client that has sent its whole body may close its side (`nc -N`) and still read.
  // Borrowed (docs/dependencies.md): Node does not document `httpAllowHalfOpen`.
  Object.assign(app.server, { httpAllowHalfOpen: true });
  const timeoutMs = (): number => serving.current.limits.headersTimeout;
  serveHttp2(app.server, { timeoutMs, clock, late: (socket) => responses.refuse(headTimeout(), socket) });
  if (tls !== undefined) watchHandshakes(app.server, { timeoutMs, clock, failed: tls.failed });
  responses.watch(app.server);
  const expectations = new Expectations(app.server);

  // Routes read their bodies themselves, chunk by chunk.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  documentOnly(app);

  const access = new Access(app, {
    listener: 'public',
    config: () => serving.current.server,
    allowedTokens: (pipeline) => serving.current.pipelines.get(pipeline)?.config.allow.tokens,
    clock,
  });
  app.addHook('onRequest', (request, reply, done) => {
    watchEarlyAnswer(request.raw, reply.raw, clock);
    reply.header('x-request-id', request.id);
    responses.begin(request.raw, reply.raw, () => {
      const refused =
        headProblem(request.raw) ??
        access.refusal(request, reply) ??
        expectations.problem(request.raw) ??
        (request.is404 ? unknownRoute(request.url) : undefined);
      if (refused === undefined && access.answersPreflight(request, reply)) return;
      if (refused === undefined) expectations.accept(request.raw, reply.raw);
      done(refused);
    });
  });
  // This hook is not called for streams: a session watches its reader itself.
  app.addHook('onSend', (request, reply, payload, done) => {
    // The next request of this client should go to another instance. HTTP/2 connections got GOAWAY.
    if (options.drainState.draining && request.raw.httpVersionMajor === 1) {
      reply.header('connection', 'close');
      lingerAfterClose(request.raw, reply.raw);
    }
    resetUnlessRead(request.raw, reply.raw, stalls, serving.current.limits.stallTimeout);
    done(null, payload);
  });
  app.setNotFoundHandler((request, reply) => sendRequestError(reply, unknownRoute(request.url)));
  app.setErrorHandler((error, request, reply) => {
    const known = requestError(error);
    refusals.count(known.code);
    if (known.code === 'internal') request.log.error({ err: error }, 'a request failed by a defect of the service');
    if (reply.raw.socket?.destroyed !== true) void sendRequestError(reply, known);
  });

  await openApi(app, options);
  enrichRoute(app, options);
  opsRoutes(app, options);
  return app;
}

/** Applies from the next request head on. Node.js may notice a timeout up to a second late. */
export function takeHeadersTimeout(app: FastifyInstance, { headersTimeout }: Served['limits']): void {
  app.server.headersTimeout = headersTimeout;
}

function unknownRoute(url: string): RequestError {
  const path = pathOf(url);
  const fault = adminPaths.some((adminPath) => adminPath === path)
    ? `${path} is a path of the admin listener (server.admin); /docs lists the routes of this listener`
    : `${url} does not exist; /docs lists the routes`;
  return new RequestError('unknown_route', fault);
}
