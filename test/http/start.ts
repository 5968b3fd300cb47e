import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type Config, configSchema } from '../../src/config/schema/schema.ts';
import type { TlsFiles } from '../../src/config/tls-files.ts';
import type { PipelineObserver, Observer, RecordOutcome, StreamOutcome } from '../../src/core/observer/observer.ts';
import { Secrets } from '../../src/core/secrets/secrets.ts';
import { silentObserver } from '../../src/core/observer/observer.ts';
import { silentLogger } from '../../src/core/observer/logger.ts';
import { MemoryBudget } from '../../src/core/memory-budget.ts';
import { inLaterTurn } from '../../src/core/time/later-turn.ts';
import { type Clock, systemClock } from '../../src/core/time/time.ts';
import { Refusals } from '../../src/core/observer/refusals.ts';
import { passingTracer } from '../../src/core/observer/tracing.ts';
import { buildApp } from '../../src/http/app.ts';
import type { DrainState } from '../../src/http/connection/drain.ts';
import type { FailedHandshake } from '../../src/http/tls/handshakes.ts';
import { SpoolSpace } from '../../src/http/spool/spool-space.ts';
import { LiveStreams } from '../../src/http/stream/live-streams.ts';
import { type KernelQueues, noQueues } from '../../src/http/connection/kernel-queues.ts';
import { OpenResponses } from '../../src/http/connection/open-responses.ts';
import { StallWatch } from '../../src/http/connection/stall-watch.ts';
import type { Logger } from '../../src/observability/log/logger.ts';
import { spokenTls } from './spoken.ts';
import { spoolLimits } from '../../src/service/spool-limits.ts';
import { buildPipelines } from '../../src/pipeline/build.ts';
import { OpenLookups } from '../../src/pipeline/lookups/open-lookups.ts';

/** A call that the downstream has received and the test has to answer. */
export interface HeldCall {
  readonly key: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  answer(json: unknown): void;
}

/** A lookup's far end over real HTTP. It answers at once, or holds every call until the test answers. */
export class Downstream {
  readonly held: HeldCall[] = [];
  calls = 0;
  /** Calls whose connection was closed before they were answered. */
  aborted = 0;
  hold = false;
  /** Its answers by key, as JSON; without them every key except `missing` and `broken` is found. */
  answers: ReadonlyMap<string, string> | undefined;
  readonly #server: Server;
  #changed: (() => void)[] = [];

  constructor() {
    this.#server = createServer((request, response) => this.#take(request, response));
  }

  async listen(): Promise<number> {
    return listen(this.#server);
  }

  /** Resolves when `condition` is true; it is checked whenever a call comes or goes. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    this.calls += 1;
    const key = decodeURIComponent(request.url?.split('/').at(-1) ?? '');
    const answer = (json: unknown): void => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(json));
    };
    response.once('close', () => {
      if (!response.writableFinished) this.aborted += 1;
      this.#change();
    });
    if (this.hold) this.held.push({ key, request, response, answer });
    else if (this.answers !== undefined) {
      const known = this.answers.get(key);
      response.writeHead(known === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(known);
    } else if (key === 'missing') response.writeHead(404).end();
    else if (key === 'broken') response.writeHead(500).end();
    else answer({ found: key });
    this.#change();
  }

  #change(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

/** What the service reports to the metrics: ends of streams, bytes and records of all streams. */
export class Heard {
  readonly outcomes: StreamOutcome[] = [];
  opened = 0;
  rejected = 0;
  receivedBytes = 0;
  sentBytes = 0;
  backpressure: string[] = [];
  recordsIn = 0;
  /** By outcome. */
  readonly recordsOut = new Map<RecordOutcome, number>();
  #changed: (() => void)[] = [];

  readonly observer: Observer = { ...silentObserver, pipeline: () => this.#pipeline() };

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  /** Records out, whatever their outcome. */
  get recordsOutSum(): number {
    return [...this.recordsOut.values()].reduce((sum, count) => sum + count, 0);
  }

  #out(outcome: RecordOutcome, count: number): void {
    this.recordsOut.set(outcome, (this.recordsOut.get(outcome) ?? 0) + count);
    for (const resolve of this.#changed.splice(0)) resolve();
  }

  #pipeline(): PipelineObserver {
    return {
      ...silentObserver.pipeline(''),
      streamOpened: () => {
        this.opened += 1;
        return {
          closed: (outcome) => {
            this.outcomes.push(outcome);
            for (const resolve of this.#changed.splice(0)) resolve();
          },
        };
      },
      streamRejected: () => {
        this.rejected += 1;
      },
      recordIn: () => {
        this.recordsIn += 1;
      },
      recordOut: (outcome) => this.#out(outcome, 1),
      recordsCancelled: (count) => this.#out('cancelled', count),
      received: (bytes) => {
        this.receivedBytes += bytes;
        for (const resolve of this.#changed.splice(0)) resolve();
      },
      sent: (bytes) => {
        this.sentBytes += bytes;
      },
      backpressure: (reason) => {
        this.backpressure.push(reason);
      },
    };
  }
}

export interface Started {
  readonly url: string;
  readonly port: number;
  readonly app: Awaited<ReturnType<typeof buildApp>>;
  readonly downstream: Downstream;
  readonly heard: Heard;
  readonly streams: LiveStreams;
  readonly spool: SpoolSpace;
  readonly memory: MemoryBudget;
  readonly drainState: DrainState;
  readonly responses: OpenResponses;
  readonly refusals: Refusals;
  /** The TLS handshakes that failed. */
  readonly failedHandshakes: readonly FailedHandshake[];
  readonly config: Config;
  /** Puts another `server` in force, as a reload does. */
  readonly replaceServer: (members: object) => void;
}

export interface StartOptions {
  /** Members of `pipelines.test` beside `enrich`. */
  readonly pipeline?: object;
  readonly limits?: object;
  /** The address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Members of `server` beside `limits`. */
  readonly server?: object;
  readonly lookup?: object;
  /** Lookups beside `far`. */
  readonly lookups?: object;
  /** The memory limit of all streams; none by default. */
  readonly memoryBytes?: number;
  readonly clock?: Clock;
  readonly checkMs?: number;
  /** Reads the queues of connections; by default it shows none. */
  readonly queues?: KernelQueues;
  readonly logger?: Logger | false;
  /** With these files the service speaks TLS. Default: those of `speakTls`, if it was called. */
  readonly tls?: TlsFiles | undefined;
}

/** A real service with the pipeline `test`, before a downstream that the test holds; both end with the test. */
export async function start(options: StartOptions = {}): Promise<Started> {
  const {
    pipeline = {},
    limits = {},
    host = '127.0.0.1',
    server = {},
    lookup = {},
    lookups = {},
    clock = systemClock,
    checkMs = 20,
    queues = noQueues,
    logger = false,
    tls: files = spokenTls(),
  } = options;
  const downstream = new Downstream();
  const downstreamPort = await downstream.listen();
  const config = configSchema.parse({
    server: { limits, ...server },
    lookups: { far: { http: { url: `http://127.0.0.1:${downstreamPort}/{key}` }, ...lookup }, ...lookups },
    pipelines: { test: { enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer' }], ...pipeline } },
  });
  const heard = new Heard();
  const { observer } = heard;
  const memory = new MemoryBudget(options.memoryBytes ?? Infinity, inLaterTurn);
  const runtime = {
    clock,
    observer,
    memory,
    baseDir: '.',
    generation: 1,
    secrets: new Secrets(),
    logger: () => silentLogger,
    tracesCalls: false,
  };
  const pipelines = await buildPipelines(config, runtime, new OpenLookups());
  const streams = new LiveStreams(clock, checkMs, () => {});
  const drainState = { draining: false };
  const spool = new SpoolSpace(() => spoolLimits(inForce.server, '.'));
  const refusals = new Refusals();
  const inForce = { server: config.server };
  const responses = new OpenResponses(clock);
  const failedHandshakes: FailedHandshake[] = [];
  const app = await buildApp({
    serving: {
      current: {
        pipelines,
        get server() {
          return inForce.server;
        },
        limits: config.server.limits,
        describe: (_section, name) => ({ name, mode: 'ordered' }),
        keepOpen: () => () => {},
      },
    },
    streams,
    memory,
    spool,
    drainState,
    refusals,
    responses,
    tls: files === undefined ? undefined : { files, failed: (handshake) => void failedHandshakes.push(handshake) },
    stalls: new StallWatch(clock, queues),
    clock,
    tracer: passingTracer,
    logger,
    version: '0.0.0',
    adminUrl: () => 'http://127.0.0.1:7777',
  });
  await app.listen({ host, port: 0 });
  onTestFinished(async () => {
    downstream.close();
    app.server.closeAllConnections();
    await app.close();
    await pipelines.close();
  });
  const port = portOf(app.server);
  return {
    url: `${files === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    app,
    downstream,
    heard,
    streams,
    memory,
    spool,
    drainState,
    responses,
    refusals,
    failedHandshakes,
    config,
    replaceServer: (members) => {
      inForce.server = configSchema.shape.server.parse({ limits, ...members });
    },
  };
}

export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return portOf(server);
}

function portOf(server: Pick<Server, 'address'>): number {
  return (server.address() as AddressInfo).port;
}

/** `{"key": …}` lines. */
export function records(...keys: readonly (string | number)[]): string {
  return keys.map((key) => `{"key":${JSON.stringify(String(key))}}\n`).join('');
}

export function enriched(...keys: readonly (string | number)[]): string {
  return keys.map((key) => `{"key":"${key}","answer":{"found":"${key}"}}\n`).join('');
}
