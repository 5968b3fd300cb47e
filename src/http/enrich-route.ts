import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readTraceContext } from '../core/observer/trace-context.ts';
import type { StreamTrace, Tracer } from '../core/observer/tracing.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { AppOptions, Served } from './app-options.ts';
import { EncodeBuffers } from './stream/encode-buffers.ts';
import { httpVersionOf } from './http2/http2-request.ts';
import { enrichOperation } from './openapi/openapi-enrich.ts';
import { acceptedFraming, bodyFormat, refuseUnlessJson } from './media.ts';
import { withCodings } from './coding/codec-transport.ts';
import { bodyCoding, refusesPlain, responseCoding, varyField } from './coding/negotiation.ts';
import { chosenDuplex, chosenSettings, refuseStreamParameters } from './parameters.ts';
import { requestProblem } from './problem.ts';
import { findPipeline, refuseOtherMethods, refuseWhenFull } from './routing.ts';
import { enrichSingleRecord } from './record/single-record.ts';
import { StreamSession } from './stream/stream-session.ts';
import { streamTransport } from './stream/stream-transport.ts';

const URL = '/v1/enrich/:pipeline';

/** `POST /v1/enrich/{pipeline}`: checks all that can be checked before the first byte of the response, then streams. */
export function enrichRoute(app: FastifyInstance, options: AppOptions): void {
  const buffers = new EncodeBuffers();
  app.post<{ Params: { pipeline: string } }>(URL, { schema: enrichOperation }, (request, reply) => {
    const { current } = options.serving;
    const pipeline = findPipeline(current.pipelines, request.params.pipeline, request.caller);
    try {
      refuseWhenFull(options, current, request.caller);
      return respond(request, reply, pipeline, current, options, buffers);
    } catch (error) {
      pipeline.observer.streamRejected();
      throw error;
    }
  });
  refuseOtherMethods(app, URL, ['POST'], '; curl -T sends PUT: add -X POST');
}

function respond(
  request: FastifyRequest,
  reply: FastifyReply,
  pipeline: Pipeline,
  served: Served,
  options: AppOptions,
  buffers: EncodeBuffers,
): Promise<FastifyReply> | FastifyReply {
  const { headers, caller } = request;
  const { clock, streams, memory } = options;
  const { limits } = served;
  const { compression } = served.server;
  const received = bodyCoding(headers['content-encoding']);
  const format = bodyFormat(headers['content-type']);
  const sent = responseCoding(headers['accept-encoding'], compression);
  const chosen = chosenSettings(request.query, pipeline, (error) => requestProblem(error, request.id));
  const duplex = chosenDuplex(request.query, headers, pipeline);
  if (format.kind === 'record') {
    refuseUnlessJson(headers.accept);
    refuseStreamParameters(request.query, chosen);
    caller.use?.takeRecord();
    const trace = traceOf(request, options.tracer, pipeline.name, 'record');
    return enrichSingleRecord(request, reply, {
      pipeline,
      settings: { ...chosen, trace: trace?.calls },
      trace,
      streams,
      memory,
      keepOpen: () => served.keepOpen(),
      use: caller.use,
      clock,
      stalls: options.stalls,
      limits,
      received,
      answerCoding: {
        coding: sent,
        plainRefused: refusesPlain(headers['accept-encoding']),
        vary: varyField(request.corsFields['vary'], compression),
      },
    });
  }
  const framing = acceptedFraming(headers.accept, format.framing);
  caller.use?.refuseFarBehind();
  const trace = traceOf(request, options.tracer, pipeline.name, chosen.mode);
  const settings = { ...chosen, framing, delimiter: format.delimiter, trace: trace?.calls, rate: caller.use?.rate };
  const transport = streamTransport(
    { request: request.raw, response: reply.raw, buffers, stalls: options.stalls, clock },
    duplex,
    options.spool,
  );
  const session = new StreamSession({
    id: request.id,
    httpVersion: httpVersionOf(request.raw),
    transport: withCodings(transport, { received, sent, maxRatio: limits.decompressionRatio, clock }),
    codings: { received, sent },
    duplex,
    pipeline,
    settings,
    trace,
    streams,
    keepOpen: () => served.keepOpen(),
    use: caller.use,
    limits,
    clock,
    log: request.log,
  });
  // From here on the session ends the response, also after a defect.
  reply.hijack();
  session.start({
    ...request.corsFields,
    ...varyField(request.corsFields['vary'], compression),
    'Content-Type': framing.mediaType,
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
    'X-Request-Id': request.id,
  });
  return reply;
}

/** Begins the span of a stream. Log lines of the request carry its ids from here on. */
function traceOf(request: FastifyRequest, tracer: Tracer, pipeline: string, mode: string): StreamTrace | undefined {
  const { traceparent, tracestate } = request.headers;
  const trace = tracer.stream({ pipeline, mode, requestId: request.id }, readTraceContext(traceparent, tracestate));
  if (trace !== undefined) request.log = request.log.child(trace.ids);
  return trace;
}
