import { METHODS, type Server } from 'node:http';
import {
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { Socket } from 'node:net';
import { RequestError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import { takeListeners } from '../connection/accept.ts';
import { PROBLEM_TYPE, requestProblem } from '../problem.ts';
import { chooseProtocol, type Protocol } from './protocol-choice.ts';
import { Http2Connection } from './http2-connection.ts';

export interface Http2Options {
  /** How long the first bytes, and after them the first request, may take to arrive. */
  readonly timeoutMs: () => number;
  readonly clock: Clock;
  /** Ends a connection that has not shown its protocol in time. */
  readonly late: (socket: Socket) => void;
}

/** Most proxies close an idle connection after a minute. This is longer, so the proxy closes it and not the service. */
export const KEEP_ALIVE_MS = 75_000;
/** Requests of one connection at the same time. The client waits with a further one. */
const STREAMS_PER_CONNECTION = 250;
/** Bytes of one body that may arrive while nothing reads it. */
const STREAM_WINDOW_BYTES = 256 * 1024;
/** A larger head resets its stream. A head over 16 KiB is answered with 431. */
const MAX_HEAD_BYTES = 64 * 1024;
const MAX_HEAD_FIELDS = 1000;
/** Every stream may hold a full window, and as much output. In megabytes, as Node.js has it. */
const MAX_SESSION_MEGABYTES = 256;

/**
 * Lets a server of HTTP/1 speak HTTP/2 as well, on the same port. Its listeners get the requests of both.
 *
 *     connection ──▶ chooseProtocol ──▶ the server's own parser ──────────▶ request
 *                                  └──▶ Http2Connection ──▶ compatibility ──▶ request
 *
 * Called before anything else that listens to connections of the server. `closeIdleConnections` and
 * `closeAllConnections` include the connections of HTTP/2 from now on.
 */
export function serveHttp2(server: Server, { timeoutMs, clock, late }: Http2Options): void {
  const http2 = createHttp2Server();
  for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) {
    http2.on(event, (request, response) => {
      if (methods.has(request.method)) server.emit(event, request, response);
      else refuseMethod(request, response);
    });
  }
  // The connection ends; its requests learn it by their streams.
  http2.on('sessionError', () => {});
  const open = new Map<Socket, Http2Connection>();
  const undecided = new Set<Socket>();
  const event = server.listenerCount('secureConnection') > 0 ? 'secureConnection' : 'connection';
  const serveHttp1 = takeListeners(server, event);
  server.on(event, (socket: Socket) => {
    const firstRequestMs = timeoutMs();
    undecided.add(socket);
    socket.once('close', () => {
      undecided.delete(socket);
      open.delete(socket);
    });
    const chosen = (protocol: Protocol): void => {
      undecided.delete(socket);
      if (protocol === 'http/1') return serveHttp1(socket);
      const session = sessionOf(http2, socket);
      open.set(socket, new Http2Connection(session, socket, { clock, firstRequestMs, keepAliveMs: KEEP_ALIVE_MS }));
    };
    chooseProtocol(socket, { timeoutMs: firstRequestMs, clock, chosen, late: () => late(socket) });
  });
  const closeIdle = server.closeIdleConnections.bind(server);
  const closeAll = server.closeAllConnections.bind(server);
  Object.assign(server, {
    closeIdleConnections(): void {
      closeIdle();
      for (const connection of open.values()) if (connection.idle) connection.end();
    },
    closeAllConnections(): void {
      closeAll();
      for (const socket of [...undecided, ...open.keys()]) socket.destroy();
    },
  });
}

const methods: ReadonlySet<string> = new Set(METHODS);

/** Node's parser of HTTP/1 refuses such a request too. No route, not even that of unknown ones, would answer it. */
function refuseMethod({ method }: Http2ServerRequest, response: Http2ServerResponse): void {
  const problem = requestProblem(new RequestError('bad_request', `${method.slice(0, 100)} is no method`), 'none');
  response.writeHead(problem.status, { 'content-type': PROBLEM_TYPE });
  response.end(JSON.stringify(problem));
}

/** A server that does not listen: it gets the sockets of another one. */
function createHttp2Server(): Http2Server {
  return createServer({
    settings: {
      maxConcurrentStreams: STREAMS_PER_CONNECTION,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: MAX_HEAD_BYTES,
    },
    maxHeaderListPairs: MAX_HEAD_FIELDS,
    maxSessionMemory: MAX_SESSION_MEGABYTES,
    // A client that opens streams and resets them at once: after a burst, 33 a second (CVE-2023-44487).
    streamResetBurst: 1000,
    streamResetRate: 33,
  });
}

/** Begins HTTP/2 on a socket. Node.js reports the session before `emit` returns. */
function sessionOf(http2: Http2Server | Http2SecureServer, socket: Socket): ServerHttp2Session {
  let session: ServerHttp2Session | undefined;
  http2.once('session', (begun: ServerHttp2Session) => {
    session = begun;
  });
  http2.emit('connection', socket);
  if (session === undefined) throw new Error('Node.js has begun no session of HTTP/2');
  return session;
}
