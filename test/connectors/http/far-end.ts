import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { silentLogger } from '../../../src/core/observer/logger.ts';
import { silentMetrics } from '../../../src/core/observer/metric-group.ts';
import type { CallOutcome, LookupGauges, TableCounts } from '../../../src/core/observer/observer.ts';
import { systemClock } from '../../../src/core/time/time.ts';
import type { Connector, ConnectorRuntime } from '../../../src/connectors/connector.ts';
import { http } from '../../../src/connectors/http/http.ts';
import { httpOptions } from '../../../src/connectors/http/http-options.ts';
import { Limit } from '../../../src/lookup/limit/limit.ts';
import type { Answer, Arguments } from '../../../src/lookup/lookup.ts';

/** The other end of a connector, held by the test. */
export interface FarEnd {
  readonly origin: string;
  /** Sockets that were opened. */
  readonly sockets: readonly Socket[];
}

export async function listen(server: Server): Promise<FarEnd> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { origin: `http://127.0.0.1:${port}`, sockets };
}

export function httpEnd(listener: RequestListener): Promise<FarEnd> {
  return listen(createServer({ keepAliveTimeout: 60_000 }, listener));
}

export function tcpEnd(onSocket: (socket: Socket) => void): Promise<FarEnd> {
  return listen(createTcpServer(onSocket));
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A server whose answers the test gives one by one. */
export async function heldEnd(): Promise<FarEnd & { next(): Promise<Exchange>; readonly seen: readonly Exchange[] }> {
  const seen: Exchange[] = [];
  const waiters: ((exchange: Exchange) => void)[] = [];
  let taken = 0;
  const end = await httpEnd((request, response) => {
    const exchange = { request, response };
    seen.push(exchange);
    const waiter = waiters.shift();
    if (waiter !== undefined) waiter(exchange);
  });
  return {
    ...end,
    seen,
    next() {
      const exchange = seen[taken++];
      return exchange === undefined ? new Promise((resolve) => waiters.push(resolve)) : Promise.resolve(exchange);
    },
  };
}

export class Heard {
  readonly outcomes: CallOutcome[] = [];
  /** The access tokens that are to be hidden. */
  readonly tokens: string[] = [];
  gauges: () => LookupGauges = () => ({ inFlight: -1, queued: -1, connections: -1 });
  table: () => TableCounts = () => ({ rows: -1, reloads: { ok: -1, failed: -1 }, current: false });
}

export function runtimeFor(heard = new Heard(), baseDir = '/'): ConnectorRuntime {
  return {
    lookup: 'airport',
    clock: systemClock,
    baseDir,
    secrets: { learn() {}, learnToken: (token) => void heard.tokens.push(token) },
    generation: 1,
    readsFreshness: false,
    metrics: silentMetrics,
    logger: silentLogger,
    observer: {
      called: (outcome) => void heard.outcomes.push(outcome),
      retried() {},
      batched() {},
      layer: () => () => {},
      table: (read) => {
        heard.table = read;
        return () => {};
      },
      gauges: (read) => {
        heard.gauges = read;
        return () => {};
      },
    },
  };
}

export interface OpenHttp {
  readonly connector: Connector;
  readonly limit: Limit<Arguments, Answer>;
  readonly heard: Heard;
  readonly ask: (args?: Arguments, context?: Cancellation) => Promise<Answer>;
}

/** Calls go through the layer that lets them wait, as they do in a pipeline. */
export async function openHttp(options: Readonly<Record<string, unknown>>): Promise<OpenHttp> {
  const heard = new Heard();
  const connector = http.create(httpOptions.parse(options), runtimeFor(heard));
  await connector.open();
  onTestFinished(() => connector.close());
  if (connector.gate === undefined) throw new Error('an HTTP lookup has a gate');
  const limit = new Limit<Arguments, Answer>(connector.gate);
  const call = limit.layer(connector.call);
  return { connector, limit, heard, ask: async (args = {}, context = new Cancellation()) => call(args, context) };
}
