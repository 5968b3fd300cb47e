import { serverSchema } from '../../config/schema/server-schema.ts';
import { MemoryBudget } from '../../core/memory-budget.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import { systemClock } from '../../core/time/time.ts';
import { Refusals } from '../../core/observer/refusals.ts';
import { passingTracer } from '../../core/observer/tracing.ts';
import { buildApp } from '../app.ts';
import { SpoolSpace } from '../spool/spool-space.ts';
import { LiveStreams } from '../stream/live-streams.ts';
import { noQueues } from '../connection/kernel-queues.ts';
import { OpenResponses } from '../connection/open-responses.ts';
import { StallWatch } from '../connection/stall-watch.ts';

/** The OpenAPI document as YAML, the same for every configuration. Opens no port. */
export async function openApiDocument(version: string): Promise<string> {
  const server = serverSchema.parse({});
  const app = await buildApp({
    serving: {
      current: {
        pipelines: { names: [], get: () => undefined },
        server,
        limits: server.limits,
        describe: () => null,
        keepOpen: () => () => {},
      },
    },
    streams: new LiveStreams(systemClock, 1000, () => {}),
    memory: new MemoryBudget(0, inLaterTurn),
    spool: new SpoolSpace(() => ({ dir: '', streamBytes: 0, totalBytes: 0 })),
    drainState: { draining: false },
    refusals: new Refusals(),
    responses: new OpenResponses(systemClock),
    tls: undefined,
    stalls: new StallWatch(systemClock, noQueues),
    clock: systemClock,
    tracer: passingTracer,
    logger: false,
    version,
    adminUrl: () => undefined,
  });
  await app.ready();
  const yaml = app.swagger({ yaml: true });
  await app.close();
  return yaml;
}
