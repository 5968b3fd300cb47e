import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type RecordErrorCode, type RecordFailure, RequestError } from '../../core/errors.ts';
import type { StreamEnd, StreamTrace } from '../../core/observer/tracing.ts';
import { laterTurn } from '../../core/time/later-turn.ts';
import { ExplodedLines } from '../../pipeline/record/exploded-lines.ts';
import { explodedBytes } from '../../pipeline/stream/held-bytes.ts';
import { type Outcome, textsOf } from '../../pipeline/record/outcome.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { StreamSettings } from '../../pipeline/stream-settings.ts';
import { workTurn } from '../../pipeline/stream/turn-gate.ts';
import { BodyRequest, type BodyRequestOptions } from './body-request.ts';
import { type AnswerCoding, sendPieces, sendWhole } from '../coding/coded-answer.ts';
import { probeAfterHalfClose } from '../connection/hangup-probe.ts';
import { recordProblem, requestProblem, sendProblem } from '../problem.ts';

export interface SingleRecordOptions extends Omit<BodyRequestOptions, 'kind' | 'pipeline'> {
  readonly pipeline: Pipeline;
  readonly settings: StreamSettings;
  readonly trace: StreamTrace | undefined;
  readonly answerCoding: AnswerCoding;
}

/**
 * Answers a request whose body is one record: 200 with the record, 204 if the pipeline drops it, or a problem with the
 * status of the record's failure. If the client goes away, the calls are aborted.
 */
export async function enrichSingleRecord(
  request: FastifyRequest,
  reply: FastifyReply,
  options: SingleRecordOptions,
): Promise<FastifyReply> {
  const { pipeline, settings, trace, clock, answerCoding } = options;
  const live = new BodyRequest(request, reply, { ...options, kind: 'record' });
  probeAfterHalfClose(request.raw, reply.raw, clock, live.guard);
  try {
    const text = await live.text();
    if (pipeline.runsUserCode) await laterTurn();
    // Single records share the work of a turn with the lines of streams.
    const later = workTurn();
    if (later !== undefined) await later;
    const receivedBytes = Buffer.byteLength(text);
    pipeline.observer.received(receivedBytes);
    const outcome = await pipeline.enrichOne(text, settings, live.memory, live.signal);
    const failure = failedKinds.has(outcome.kind) ? outcome.failure : undefined;
    const sent = (sentBytes: number, written: number): void => {
      pipeline.observer.sent(sentBytes);
      trace?.end({ ...endOf(outcome, failure?.code), written, receivedBytes, sentBytes });
    };
    if (failure !== undefined || outcome.kind === 'dropped') {
      sent(0, 0);
      return failure === undefined ? reply.code(204).send() : sendFailure(reply, failure);
    }
    reply.type('application/json').header('cache-control', 'no-store').headers(answerCoding.vary);
    const { lines } = outcome;
    if (lines instanceof ExplodedLines) {
      live.memory.add(explodedBytes(lines));
      return sendPieces(reply, Readable.from(explodedBody(lines, sent), { objectMode: false }), answerCoding);
    }
    const texts = [...textsOf(outcome)];
    const body = Buffer.from(texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(',')}]`);
    live.memory.add(body.byteLength);
    sent(body.byteLength, texts.length);
    return await sendWhole(reply, body, answerCoding);
  } catch (error) {
    trace?.end({ ...nothingDone, outcome: live.ending, code: error instanceof RequestError ? error.code : undefined });
    throw error;
  }
}

/** Lines are joined up to this many characters before the response gets them. */
const CHUNK_CHARS = 60 * 1024;

/** An array of the lines. Each chunk is made when the response reads it, in a turn of the event loop of its own. */
async function* explodedBody(
  lines: ExplodedLines,
  sent: (bytes: number, written: number) => void,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  let written = 0;
  let text = '[';
  for (const line of lines) {
    text += written === 0 ? line : `,${line}`;
    written += 1;
    if (text.length < CHUNK_CHARS) continue;
    const chunk = Buffer.from(text);
    bytes += chunk.byteLength;
    text = '';
    yield chunk;
    // oxlint-disable-next-line no-await-in-loop
    await laterTurn();
  }
  const last = Buffer.from(`${text}]`);
  sent(bytes + last.byteLength, written);
  yield last;
}

const nothingDone = { read: 0, written: 0, errors: 0, misses: 0, dropped: 0, receivedBytes: 0, sentBytes: 0 };

/** `code` says why the request failed; undefined for a record that failed and is answered with 200 all the same. */
function endOf(outcome: Outcome, code: RecordErrorCode | undefined): StreamEnd {
  const { kind, failure } = outcome;
  return {
    ...nothingDone,
    outcome: code === undefined ? 'completed' : 'failed',
    code,
    read: 1,
    errors: failure === undefined ? 0 : 1,
    misses: kind === 'missed' ? 1 : 0,
    dropped: kind === 'dropped' ? 1 : 0,
  };
}

/** The outcomes that fail the request. Any other failed record goes out as it came or with a fallback value. */
const failedKinds: ReadonlySet<Outcome['kind']> = new Set(['error', 'invalid', 'dropped']);

function sendFailure(reply: FastifyReply, { code, message, details = {} }: RecordFailure): FastifyReply {
  const { lookup, attempts, status, retryAfterMs = 0 } = details;
  const retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  if (code === 'timeout' && attempts === 0)
    return sendProblem(reply, requestProblem(overloaded(lookup), reply.request.id), retryAfterSeconds);
  const extra = {
    ...(lookup !== undefined && { lookup }),
    ...(attempts !== undefined && { attempts }),
    ...(status !== undefined && { lookupStatus: status }),
  };
  return sendProblem(reply, recordProblem(code, message, reply.request.id, extra), retryAfterSeconds);
}

/** No call has begun, and there is no stream to slow down: the same request may succeed later (semantics C7). */
function overloaded(lookup: string | undefined): RequestError {
  const waits = 'connections, concurrency, rateLimit, a pause after 429, an open breaker, or maxInFlight of a batch';
  const message = `no call of lookup ${lookup ?? ''} could begin before the record's timeout: it waited for its turn (${waits}); try again later`;
  return new RequestError('overloaded', message, { lookup });
}
