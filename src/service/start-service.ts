import type { HttpApp } from '../http/app-options.ts';
import { MemoryBudget } from '../core/memory-budget.ts';
import type { Loaded } from '../config/load.ts';
import type { Config } from '../config/schema/schema.ts';
import type { JsonObject } from '../core/json/json.ts';
import { isDataObject, type JsonData, type JsonDataObject } from '../core/json/json-data.ts';
import { silentLogger } from '../core/observer/logger.ts';
import type { ServiceGauges } from '../core/observer/observer.ts';
import type { Secrets } from '../core/secrets/secrets.ts';
import { type Clock, systemClock } from '../core/time/time.ts';
import { inLaterTurn } from '../core/time/later-turn.ts';
import { passingTracer } from '../core/observer/tracing.ts';
import type { ReloadResult } from '../http/reload-route.ts';
import { buildAdminApp } from '../http/admin-app.ts';
import { buildApp, takeHeadersTimeout } from '../http/app.ts';
import { limitConnections } from '../http/connection/connections.ts';
import { drain, type Gate } from '../http/connection/drain.ts';
import { LiveStreams } from '../http/stream/live-streams.ts';
import { procQueues } from '../http/connection/kernel-queues.ts';
import { OpenResponses } from '../http/connection/open-responses.ts';
import { StallWatch } from '../http/connection/stall-watch.ts';
import { functionLogger, messageLogger } from '../observability/log/function-logger.ts';
import type { Logger } from '../observability/log/logger.ts';
import { createMetrics } from '../observability/metrics/metrics.ts';
import type { ProcessCounts } from '../observability/metrics/process-counts.ts';
import type { Tracing } from '../observability/tracing/tracing.ts';
import { buildPipelines } from '../pipeline/build.ts';
import { Generation, Generations } from '../pipeline/generations.ts';
import { OpenLookups } from '../pipeline/lookups/open-lookups.ts';
import {
  ADMIN_CONNECTIONS,
  type ConnectionPlan,
  defaultMemoryBytes,
  openFiles,
  planConnections,
  REFUSED_AT_ONCE,
} from './process-limits.ts';
import { type ReloadCause, Reloader } from './reloader.ts';
import { version } from './version.ts';

export interface ServiceOptions {
  readonly loaded: Loaded;
  /** Reads the configuration anew, for a reload; throws ConfigError. */
  readonly load: () => Loaded;
  readonly logger: Logger | false;
  /** What no text of the service shows; it learns more with each configuration. */
  readonly secrets: Secrets;
  /** What is counted of the process, for the metrics. */
  readonly process: ProcessCounts;
}

export interface Service {
  readonly url: string;
  readonly adminUrl: string;
  /** How long running streams may go on after `stop`, as the configuration in force has it. */
  readonly drainTimeoutMs: number;
  /** Takes over the configuration as it is now, or keeps the one in force. Never rejects. */
  reload(cause: ReloadCause): Promise<void>;
  /** Lets running streams end within `drainTimeout`, then closes everything. Resolves with the number of streams cut. */
  stop(): Promise<number>;
}

/** Puts the rooms together and listens. Rejects, with nothing left running, where something can not start. */
export async function startService({ loaded, load, logger, secrets, process }: ServiceOptions): Promise<Service> {
  const clock = systemClock;
  const { server } = loaded.config;
  const startedMs = clock.now();
  const release = version();
  const metrics = createMetrics({ version: release, process });
  const tracing = loaded.config.tracing && (await traced(loaded.config.tracing, logger, secrets));
  const tracer = tracing?.tracer ?? passingTracer;
  const lookupsOpen = new OpenLookups();
  const memory = new MemoryBudget(memoryOf(server.limits), inLaterTurn);
  const files = openFiles();
  const build = async (
    { config: given, effective, baseDir, secrets: learnt }: Loaded,
    generation: number,
  ): Promise<Generation> => {
    const plan = planConnections(given, files);
    if (logger !== false) warnOfReduced(logger, plan, files.most);
    const config = { ...given, lookups: plan.lookups };
    const runtime = {
      memory,
      clock,
      observer: metrics.observer,
      baseDir,
      generation,
      secrets,
      logger: (lookup: string) => (logger === false ? silentLogger : functionLogger(logger, lookup)),
      tracesCalls: tracer.recordsCalls,
    };
    secrets.learn(learnt);
    const pipelines = await buildPipelines(config, runtime, lookupsOpen);
    return new Generation({ config, pipelines, describe: (name) => member(member(effective, 'pipelines'), name) });
  };
  const first = await build(loaded, 1);
  const generations = new Generations(first, (error) => {
    if (error !== undefined && logger !== false)
      logger.error({ err: error }, 'a lookup that was replaced did not close');
    generationsChanged();
  });
  const gate: Gate = { draining: false };
  const streams = new LiveStreams(clock, watchEveryMs(server.limits), () => metrics.tick());
  const responses = new OpenResponses(clock);
  const stalls = new StallWatch(clock, procQueues());
  let adminUrl: string | undefined;
  let reloader: Reloader | undefined;
  const app = await buildApp({
    serving: generations,
    streams,
    memory,
    gate,
    responses,
    stalls,
    clock,
    tracer,
    logger,
    version: release,
    adminUrl: () => adminUrl,
  });
  const { clients } = planConnections(loaded.config, files);
  const connections = limitConnections(app.server, { limit: clients, refusedAtOnce: REFUSED_AT_ONCE, clock });
  const generationsChanged = (): void => {
    const configs = generations.open.map(({ config }) => config);
    metrics.keep({
      pipelines: new Set(configs.flatMap(({ pipelines }) => Object.keys(pipelines))),
      lookups: new Set(configs.flatMap(({ lookups }) => Object.keys(lookups))),
    });
    streams.checkMs = Math.min(...configs.map((config) => watchEveryMs(config.server.limits)));
  };
  const gauges = (): ServiceGauges => ({
    memory: { heldBytes: memory.heldBytes, limitBytes: memory.limitBytes, waiting: memory.waiting },
    requests: streams.counts(),
    connections: {
      open: connections.open,
      idle: connections.idle,
      limit: connections.limit,
      closedIdle: connections.closedIdle,
      refused: connections.refused,
    },
  });
  metrics.service(gauges);
  const scrape = { contentType: metrics.contentType, text: () => metrics.scrape() };
  const state = (): JsonObject => {
    const { errors, ...counted } = metrics.snapshot();
    const since = { version: release, uptimeMs: Math.round(clock.now() - startedMs) };
    return {
      ...since,
      ...gauges(),
      ...counted,
      errors: errors.map((error) => ({ ...error, message: secrets.hide(error.message) })),
    };
  };
  const admin = buildAdminApp({
    gate,
    streams,
    scrape,
    state,
    reload: async () => hidden(secrets, (await reloader?.reload('request')) ?? { outcome: 'stopping' }),
  });
  limitConnections(admin.server, { limit: ADMIN_CONNECTIONS, refusedAtOnce: 0, clock });
  try {
    const url = await listen(app, server.host, server.port);
    adminUrl = await listen(admin, server.admin.host, server.admin.port);
    for (const listener of [app.server, admin.server]) reportRefusals(listener, clock, logger);
    const reloads = (reloader = new Reloader({
      started: loaded,
      load,
      build,
      replace(next) {
        generations.replace(next);
        if (logger !== false) logger.level = next.config.server.log.level;
        takeHeadersTimeout(app, next.limits);
        memory.limitBytes = memoryOf(next.limits);
        connections.limit = planConnections(next.config, files).clients;
      },
      reloaded(succeeded) {
        metrics.reloaded(succeeded);
        generationsChanged();
      },
      clock,
      logger,
    }));
    const stop = async (): Promise<number> => {
      const undone = reloads.stop();
      const { drainTimeout } = generations.current.config.server;
      const cut = await drain({ app, streams, gate, responses, clock, drainTimeoutMs: drainTimeout });
      await admin.close();
      await undone;
      await generations.close();
      await tracing?.close();
      return cut;
    };
    return {
      url,
      adminUrl,
      get drainTimeoutMs() {
        return generations.current.config.server.drainTimeout;
      },
      reload: async (cause) => void (await reloads.reload(cause)),
      stop,
    };
  } catch (error) {
    await Promise.all([app.close(), admin.close()]);
    await generations.close();
    throw error;
  }
}

async function traced(
  options: NonNullable<Config['tracing']>,
  logger: Logger | false,
  secrets: Secrets,
): Promise<Tracing> {
  const { openTracing } = await import('../observability/tracing/tracing.ts');
  const log = logger === false ? silentLogger : messageLogger(logger);
  return openTracing(options, { version: version(), clock: systemClock, logger: log, secrets });
}

/** What a lookup says of why it cannot be opened may hold a secret. */
function hidden(secrets: Secrets, result: ReloadResult): ReloadResult {
  return result.outcome === 'refused' ? { ...result, detail: secrets.hide(result.detail) } : result;
}

function memoryOf({ memory }: Config['server']['limits']): number {
  return memory ?? defaultMemoryBytes();
}

function warnOfReduced(logger: Logger, { reduced }: ConnectionPlan, most: number): void {
  for (const { key, configured, holds } of reduced) {
    const why = `the process may open ${most} files (ulimit -n)`;
    logger.warn({ key, configured, holds }, `${key} is ${configured}, but ${why}: ${holds} are used; raise that limit`);
  }
}

/** A timeout of a stream is noticed at most a quarter of its time late. */
function watchEveryMs({ idleTimeout, stallTimeout }: Config['server']['limits']): number {
  return Math.max(10, Math.min(1000, idleTimeout / 4, stallTimeout / 4));
}

function member(value: JsonData | undefined, name: string): JsonDataObject {
  const found = isDataObject(value) ? value[name] : undefined;
  return isDataObject(found) ? found : {};
}

async function listen(app: HttpApp, host: string, port: number): Promise<string> {
  await app.listen({ host, port }).catch((cause: unknown) => {
    throw new Error(`cannot listen on ${host}:${port}: ${refusal(cause)}`, { cause });
  });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error(`no address to listen on at ${host}:${port}`);
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${shown}:${address.port}`;
}

/** A connection that cannot be accepted (no memory, no file descriptors) is an event that would end the process. */
function reportRefusals(server: HttpApp['server'], clock: Clock, logger: Logger | false): void {
  let loggedAt = -Infinity;
  server.on('error', (error) => {
    if (logger === false || clock.now() - loggedAt < 1000) return;
    loggedAt = clock.now();
    logger.error({ err: error }, 'a connection could not be accepted');
  });
}

/** What the system said, and the way out where there is one. */
function refusal(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EADDRINUSE') return 'another process listens there; stop it, or choose another --port or --admin-port';
  if (code === 'EACCES') return 'a port below 1024 is for root; choose another --port or --admin-port';
  return cause instanceof Error ? cause.message : String(cause);
}
