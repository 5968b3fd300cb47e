import { LiveStreams } from '../../../src/http/stream/live-streams.ts';
import { StreamSession } from '../../../src/http/stream/stream-session.ts';
import type { Transport } from '../../../src/http/stream/transport.ts';
import { requestProblem } from '../../../src/http/problem.ts';
import { CallTrace } from '../../../src/core/observer/tracing.ts';
import type { PipelineConfig } from '../../../src/config/schema/schema.ts';
import type { StreamSettings } from '../../../src/pipeline/stream-settings.ts';
import { pipelineOf, ScriptedLookup, step } from '../../pipeline/harness.ts';

export interface SessionSetup {
  readonly lookup?: ScriptedLookup;
  readonly pipeline?: Partial<PipelineConfig>;
  readonly settings?: Partial<StreamSettings>;
  readonly control?: boolean;
}

/** A session of a real pipeline with the lookup `far`, whose calls the test answers, on a clock that the test advances. */
export function openSession(transport: Transport, setup: SessionSetup = {}) {
  const { lookup = new ScriptedLookup('far'), pipeline: options = {}, settings = {}, control = false } = setup;
  const { pipeline, clock } = pipelineOf([lookup], [step('far', '/key', '/answer')], options);
  const streams = new LiveStreams(clock, 1000, () => {});
  const logged: object[] = [];
  const log = (line: object): void => void logged.push(line);
  const reported = { released: 0, traceEnds: [] as object[], logged };
  const session = new StreamSession({
    id: 'id-1',
    httpVersion: '1.1',
    transport,
    codings: { received: undefined, sent: undefined },
    duplex: 'auto',
    pipeline,
    settings: {
      ...pipeline.settings(),
      ...(control && {
        control: { checkpoint: undefined, problem: (error) => requestProblem(error, 'id-1') },
      }),
      ...settings,
    },
    trace: {
      calls: new CallTrace('0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331', 1, undefined),
      ids: { trace_id: 'none' },
      end: (end) => void reported.traceEnds.push(end),
    },
    streams,
    use: undefined,
    keepOpen: () => () => {
      reported.released += 1;
    },
    limits: { idleTimeout: 60_000, stallTimeout: 30_000 },
    clock,
    log: { info: log, warn: log, error: log },
  });
  session.start({ 'X-Request-Id': 'id-1' });
  return { session, lookup, clock, streams, reported };
}
