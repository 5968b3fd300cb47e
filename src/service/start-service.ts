import type { Loaded } from '../config/load.ts';
import { MemoryBudget } from '../core/memory-budget.ts';
import { silentLogger } from '../core/observer/logger.ts';
import { Refusals } from '../core/observer/refusals.ts';
import { passingTracer, type Tracer } from '../core/observer/tracing.ts';
import type { Secrets } from '../core/secrets/secrets.ts';
import { inLaterTurn } from '../core/time/later-turn.ts';
import { systemClock } from '../core/time/time.ts';
import { buildAdminApp } from '../http/admin-app.ts';
import { takeHeadersTimeout } from '../http/app.ts';
import { limitConnections } from '../http/connection/connections.ts';
import type { ReloadResult } from '../http/reload-route.ts';
import { SpoolSpace } from '../http/spool/spool-space.ts';
import { LiveStreams } from '../http/stream/live-streams.ts';
import { messageLogger } from '../observability/log/function-logger.ts';
import type { Logger } from '../observability/log/logger.ts';
import { createMetrics } from '../observability/metrics/metrics.ts';
import type { ProcessCounts } from '../observability/metrics/counts/process-counts.ts';
import { generationBuilder } from './generation-builder.ts';
import { listen, logRefusedConnections } from './listen.ts';
import { ADMIN_CONNECTIONS, memoryBytes, openFiles, planConnections } from './process-limits.ts';
import { publicListener } from './public-listener.ts';
import { type ReloadCause, Reloader } from './reloader.ts';
import { ServerTls } from './server-tls.ts';
import { spoolLimits, warnOfSpoolDir } from './spool-limits.ts';
import { serviceReport } from './service-report.ts';
import { trackedGenerations, watchEveryMs } from './tracked-generations.ts';
import { version } from './version.ts';

export interface ServiceOptions {
  readonly loaded: Loaded;
  /** Reads the configuration anew, for a reload; throws ConfigError. */
  readonly load: () => Loaded;
  readonly logger: Logger | false;
  /** The secrets that no text of the service shows; each configuration adds its own. */
  readonly secrets: Secrets;
  /** Counts of the process, for the metrics. */
  readonly process: ProcessCounts;
}

/** A service that listens. Disposing of it is `stop`. */
export interface RunningService extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  /** How long running streams may go on after `stop`, as the configuration in force has it. */
  readonly drainTimeoutMs: number;
  /** Takes over the configuration as it is now, or keeps the one in force. Never rejects. */
  reload(cause: ReloadCause): Promise<void>;
  /**
   * Lets running streams end within `drainTimeout`, then closes everything. Resolves with the number of streams that
   * were cut; rejects if something cannot be closed, after everything else is closed. A second call has the same result.
   */
  stop(): Promise<number>;
}

/**
 * Opens everything that a service is made of, and listens:
 *
 *     await using service = await startService({ loaded, load, logger, secrets, process });
 *
 *     tracing ─▶ lookups ─▶ watch of the files ─▶ admin listener ─▶ public listener
 *             ◀─ closed in the reverse order: by `stop`, and if something cannot be opened ◀─
 *
 * Rejects if something cannot be opened; everything that was opened before it is closed by then.
 */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const { logger } = options;
  const opened = new AsyncDisposableStack();
  try {
    return await open(options, opened);
  } catch (error) {
    await opened.disposeAsync().catch((err: unknown) => {
      if (logger !== false) logger.error({ err }, 'the start failed, and something that was open did not close');
    });
    throw error;
  }
}

async function open(options: ServiceOptions, opened: AsyncDisposableStack): Promise<RunningService> {
  const { loaded, load, logger, secrets, process } = options;
  const { server } = loaded.config;
  const clock = systemClock;
  const release = version();
  const metrics = createMetrics({ version: release, process });
  const tracer = await openTracer(options, opened);
  const memory = new MemoryBudget(memoryBytes(server.limits), inLaterTurn);
  const files = openFiles();
  const refusals = new Refusals();
  const streams = new LiveStreams(clock, watchEveryMs(server.limits), () => metrics.tick());

  const { observer } = metrics;
  const tracesCalls = tracer.recordsCalls;
  const build = generationBuilder({ memory, clock, observer, secrets, logger, tracesCalls, files });
  const { generations, changed } = trackedGenerations(await build(loaded, 1), metrics, streams, logger);
  opened.defer(() => generations.close());

  const spool = new SpoolSpace(() => spoolLimits(generations.current.server, loaded.baseDir));
  if (logger !== false) warnOfSpoolDir(spool.dir, logger);
  const tls = loaded.tls === undefined ? undefined : new ServerTls(loaded.tls, clock, logger);
  let adminUrl: string | undefined;
  const listener = await publicListener({
    tls,
    serving: generations,
    streams,
    memory,
    spool,
    refusals,
    clock,
    tracer,
    logger,
    version: release,
    adminUrl: () => adminUrl,
    mostConnections: planConnections(loaded.config, files).clients,
  });
  const { app, drainState, connections } = listener;

  let inForce = loaded;
  const reloader = new Reloader({
    started: loaded,
    load,
    build,
    replace(next, from) {
      if (from.tls !== undefined) tls?.use(from.tls);
      inForce = from;
      generations.replace(next);
      if (logger !== false) logger.level = next.config.server.log.level;
      takeHeadersTimeout(app, next.limits);
      memory.limitBytes = memoryBytes(next.limits);
      connections.limit = planConnections(next.config, files).clients;
    },
    // A mistake in the configuration does not keep a renewed certificate out.
    refused: () => tls?.refresh(inForce),
    reloaded(succeeded) {
      metrics.reloaded(succeeded);
      changed();
    },
    clock,
    logger,
  });
  opened.defer(() => reloader.stop());

  const admin = buildAdminApp({
    drainState,
    streams,
    scrape: { contentType: metrics.contentType, text: () => metrics.scrape() },
    state: serviceReport({
      metrics,
      memory,
      streams,
      spool,
      connections,
      refusals,
      secrets,
      tls,
      clock,
      version: release,
    }),
    config: () => generations.current.server,
    refusals,
    tls,
    clock,
    reload: async () => hidden(secrets, await reloader.reload('request')),
  });
  const adminConnections = limitConnections(admin.server, { limit: ADMIN_CONNECTIONS, refusedAtOnce: 0, clock });
  tls?.add({ server: app.server, connections });
  tls?.add({ server: admin.server, connections: adminConnections });
  const drainTimeoutMs = (): number => generations.current.config.server.drainTimeout;
  let cut = 0;
  // The admin listener answers while streams are drained, so it is closed after the public one.
  opened.defer(() => admin.close());
  opened.defer(async () => {
    cut = await listener.drain(drainTimeoutMs());
  });

  const url = await listen(app, server);
  adminUrl = await listen(admin, server.admin);
  for (const listening of [app.server, admin.server]) logRefusedConnections(listening, clock, logger);

  let stopping: Promise<number> | undefined;
  const stop = async (): Promise<number> => {
    // No reload begins while streams are drained; one that runs is undone meanwhile.
    void reloader.stop();
    await opened.disposeAsync();
    return cut;
  };
  const stopOnce = (): Promise<number> => (stopping ??= stop());
  return {
    url,
    adminUrl,
    get drainTimeoutMs() {
      return drainTimeoutMs();
    },
    reload: async (cause) => void (await reloader.reload(cause)),
    stop: stopOnce,
    [Symbol.asyncDispose]: async () => void (await stopOnce()),
  };
}

async function openTracer({ loaded, logger, secrets }: ServiceOptions, opened: AsyncDisposableStack): Promise<Tracer> {
  const options = loaded.config.tracing;
  if (options === undefined) return passingTracer;
  const { openTracing } = await import('../observability/tracing/tracing.ts');
  const log = logger === false ? silentLogger : messageLogger(logger);
  const tracing = openTracing(options, { version: version(), clock: systemClock, logger: log, secrets });
  opened.defer(() => tracing.close());
  return tracing.tracer;
}

/** The reason why a lookup cannot be opened may hold a secret. */
function hidden(secrets: Secrets, result: ReloadResult): ReloadResult {
  return result.outcome === 'refused' ? { ...result, detail: secrets.hide(result.detail) } : result;
}
