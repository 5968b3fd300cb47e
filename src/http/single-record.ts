import type { FastifyReply, FastifyRequest } from 'fastify';
import { type RecordErrorCode, recordErrors, RequestError } from '../core/errors.ts';
import { isJsonObject, type JsonObject, parseJson } from '../core/json.ts';
import type { Clock } from '../core/time.ts';
import type { Outcome } from '../pipeline/outcome.ts';
import type { Pipeline, StreamSettings } from '../pipeline/pipeline.ts';
import { clientAddress } from './client-address.ts';
import { readText } from './body-reader.ts';
import { probeAfterHalfClose } from './hangup-probe.ts';
import type { LiveStream, LiveStreams } from './live-streams.ts';
import { recordProblem, sendProblem } from './problem.ts';

export interface SingleRecordOptions {
  readonly pipeline: Pipeline;
  readonly settings: StreamSettings;
  readonly streams: LiveStreams;
  readonly clock: Clock;
  readonly maxBytes: number;
}

/**
 * Answers a request whose body is one record: 200 with the record, 204 where the pipeline drops it, or a problem with
 * the status of the record's failure. A client that goes away aborts the calls.
 */
export async function enrichSingleRecord(
  request: FastifyRequest,
  reply: FastifyReply,
  { pipeline, settings, streams, clock, maxBytes }: SingleRecordOptions,
): Promise<FastifyReply> {
  const gone = new AbortController();
  const live = liveRecord(request, pipeline.name, clock.now(), gone);
  streams.add(live);
  reply.raw.once('close', () => {
    streams.delete(live);
    if (!reply.raw.writableFinished) gone.abort(new RequestError('bad_body', 'the client went away'));
  });
  probeAfterHalfClose(request.raw, reply.raw, clock);
  const text = await readText(request.raw, maxBytes);
  pipeline.observer.received(Buffer.byteLength(text));
  const outcome = await pipeline.enrichOne(text, settings, gone.signal);
  const { failure } = outcome;
  if (failure !== undefined && failedKinds.has(outcome.kind)) return sendFailure(reply, outcome, failure.code);
  if (outcome.kind === 'dropped') return reply.code(204).send();
  const { lines } = outcome;
  const body = typeof lines === 'string' ? lines : lines.length === 1 ? (lines[0] ?? '') : `[${lines.join(',')}]`;
  pipeline.observer.sent(Buffer.byteLength(body));
  return reply.type('application/json').header('cache-control', 'no-store').send(Buffer.from(body));
}

/** One record takes a place among the streams, and a drain waits for it. */
function liveRecord(
  { id, raw }: FastifyRequest,
  pipeline: string,
  startedAt: number,
  gone: AbortController,
): LiveStream {
  return {
    describe: (nowMs) => ({
      id,
      pipeline,
      mode: 'record',
      client: clientAddress(raw),
      ageMs: Math.round(nowMs - startedAt),
    }),
    draining() {},
    check() {},
    cut: (_outcome, reason) => gone.abort(reason),
  };
}

/** A record that failed, but goes out with a stand-in or as it came, is a success here. */
const failedKinds: ReadonlySet<Outcome['kind']> = new Set(['error', 'invalid', 'dropped']);

function sendFailure(reply: FastifyReply, outcome: Outcome, code: RecordErrorCode): FastifyReply {
  const { message, ...more } = annotation(outcome) ?? {};
  const detail = typeof message === 'string' ? message : (outcome.fatal?.message ?? recordErrors[code].meaning);
  const { lookup, attempts, status: lookupStatus } = more;
  const extra = { ...(lookup !== undefined && { lookup }), ...(attempts !== undefined && { attempts }) };
  return sendProblem(
    reply,
    recordProblem(code, detail, reply.request.id, lookupStatus === undefined ? extra : { ...extra, lookupStatus }),
  );
}

function annotation({ lines }: Outcome): JsonObject | undefined {
  const line = typeof lines === 'string' ? lines : lines[0];
  const record = line === undefined ? undefined : parseJson(line);
  const error = isJsonObject(record) ? record['_error'] : undefined;
  return isJsonObject(error) ? error : undefined;
}
