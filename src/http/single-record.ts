import type { FastifyReply, FastifyRequest } from 'fastify';
import { type RecordErrorCode, recordErrors, RequestError } from '../core/errors.ts';
import { guardWith } from '../core/guard.ts';
import type { StreamOutcome } from '../core/observer.ts';
import type { Clock } from '../core/time.ts';
import type { StreamEnd, StreamTrace } from '../core/tracing.ts';
import { type Outcome, textsOf } from '../pipeline/outcome.ts';
import type { Pipeline, StreamSettings } from '../pipeline/pipeline.ts';
import { turn } from '../pipeline/turn-share.ts';
import { clientAddress } from './client-address.ts';
import { readText } from './body-reader.ts';
import { internalError } from './framework-errors.ts';
import { probeAfterHalfClose } from './hangup-probe.ts';
import type { LiveStream, LiveStreams } from './live-streams.ts';
import { recordProblem, sendProblem, sendRequestError } from './problem.ts';

export interface SingleRecordOptions {
  readonly pipeline: Pipeline;
  readonly settings: StreamSettings;
  readonly trace: StreamTrace | undefined;
  readonly streams: LiveStreams;
  /** Keeps the pipeline open until the function returned is called. */
  readonly hold: () => () => void;
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
  { pipeline, settings, trace, streams, hold, clock, maxBytes }: SingleRecordOptions,
): Promise<FastifyReply> {
  const gone = new AbortController();
  let ending: StreamOutcome = 'failed';
  const leave = (outcome: StreamOutcome, reason: RequestError): void => {
    ending = outcome;
    gone.abort(reason);
  };
  const live = liveRecord(request, pipeline.name, clock.now(), leave);
  const guard = guardWith((error) => live.defect(error));
  const release = hold();
  streams.add(live);
  const closed = (): void => {
    streams.delete(live);
    try {
      if (!reply.raw.writableFinished) leave('client_aborted', new RequestError('bad_body', 'the client went away'));
    } finally {
      release();
    }
  };
  reply.raw.once('close', guard(closed));
  probeAfterHalfClose(request.raw, reply.raw, clock, guard);
  try {
    const text = await readText(request.raw, maxBytes);
    if (pipeline.runsUserCode) await nextTurn();
    // Records that stand alone share the steps of a turn, as the lines of streams do.
    const later = turn();
    if (later !== undefined) await later;
    const receivedBytes = Buffer.byteLength(text);
    pipeline.observer.received(receivedBytes);
    const outcome = await pipeline.enrichOne(text, settings, gone.signal);
    const failure = failedKinds.has(outcome.kind) ? outcome.failure?.code : undefined;
    const body = failure === undefined ? bodyOf(outcome) : undefined;
    const sentBytes = body?.byteLength ?? 0;
    trace?.end({ ...endOf(outcome, failure), receivedBytes, sentBytes });
    if (failure !== undefined) return sendFailure(reply, outcome, failure);
    if (body === undefined) return reply.code(204).send();
    pipeline.observer.sent(sentBytes);
    return reply.type('application/json').header('cache-control', 'no-store').send(body);
  } catch (error) {
    trace?.end({ ...nothingDone, outcome: ending, code: error instanceof RequestError ? error.code : undefined });
    throw error;
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Undefined where the pipeline drops the record. */
function bodyOf(outcome: Outcome): Buffer | undefined {
  if (outcome.kind === 'dropped') return undefined;
  const texts = textsOf(outcome);
  return Buffer.from(texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(',')}]`);
}

const nothingDone = { read: 0, written: 0, errors: 0, misses: 0, dropped: 0, receivedBytes: 0, sentBytes: 0 };

/** `code`: why the request failed. A record that failed, but goes out all the same, is an error without one. */
function endOf(outcome: Outcome, code: RecordErrorCode | undefined): StreamEnd {
  const { kind, failure } = outcome;
  return {
    ...nothingDone,
    outcome: code === undefined ? 'completed' : 'failed',
    code,
    read: 1,
    written: code !== undefined ? 0 : textsOf(outcome).length,
    errors: failure === undefined ? 0 : 1,
    misses: kind === 'missed' ? 1 : 0,
    dropped: kind === 'dropped' ? 1 : 0,
  };
}

/** One record takes a place among the streams, and a drain waits for it. */
function liveRecord(
  { id, raw, log }: FastifyRequest,
  pipeline: string,
  startedAt: number,
  cut: LiveStream['cut'],
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
    cut,
    defect(error) {
      log.error({ err: error }, 'a record is given up by a defect of the service');
      cut('failed', internalError());
    },
  };
}

/** A record that failed, but goes out with a stand-in or as it came, is a success here. */
const failedKinds: ReadonlySet<Outcome['kind']> = new Set(['error', 'invalid', 'dropped']);

function sendFailure(reply: FastifyReply, outcome: Outcome, code: RecordErrorCode): FastifyReply {
  const { failure } = outcome;
  const { lookup, attempts, status } = failure?.details ?? {};
  if (code === 'timeout' && attempts === 0) return sendRequestError(reply, overloaded(outcome));
  const extra = {
    ...(lookup !== undefined && { lookup }),
    ...(attempts !== undefined && { attempts }),
    ...(status !== undefined && { lookupStatus: status }),
  };
  const detail = failure?.message ?? recordErrors[code].meaning;
  return sendProblem(reply, recordProblem(code, detail, reply.request.id, extra));
}

/** No stream could be slowed down, and no call has begun: the same request may succeed a little later (semantics C7). */
function overloaded({ failure }: Outcome): RequestError {
  const lookup = failure?.details?.lookup;
  const message = `every call that lookup ${lookup ?? ''} may make at the same time was in use until the record's timeout`;
  return new RequestError('overloaded', message, { lookup });
}
