import type { FastifyInstance } from 'fastify';
import { RecordError, RequestError } from '../core/errors.ts';
import type { JsonValue } from '../core/json/json.ts';
import type { AppOptions } from './app-options.ts';
import { bodyCoding } from './coding/negotiation.ts';
import { BodyRequest } from './record/body-request.ts';
import { explainOperation, listOperation, showOperation } from './openapi/openapi-ops.ts';
import { recordProblem, sendProblem } from './problem.ts';
import { findPipeline, namesFor, refuseOtherMethods, refuseWhenFull } from './routing.ts';

interface OnePipeline {
  Params: { pipeline: string };
}

/** The routes that list pipelines, show the configuration of one, and explain what it would do with a record. */
export function opsRoutes(app: FastifyInstance, options: AppOptions): void {
  const { serving, streams, memory, stalls, clock } = options;
  app.get('/v1/pipelines', { schema: listOperation }, ({ caller }) => ({
    pipelines: namesFor(caller, serving.current.pipelines).map((name) => ({
      name,
      href: `/v1/pipelines/${encodeURIComponent(name)}`,
    })),
  }));
  app.get<OnePipeline>('/v1/pipelines/:pipeline', { schema: showOperation }, (request) => {
    const { pipelines, describe } = serving.current;
    return describe('pipelines', findPipeline(pipelines, request.params.pipeline, request.caller).name);
  });
  app.post<OnePipeline>('/v1/explain/:pipeline', { schema: explainOperation }, async (request, reply) => {
    const { current } = serving;
    const pipeline = findPipeline(current.pipelines, request.params.pipeline, request.caller);
    refuseWhenFull(options, current, request.caller);
    const { limits } = current;
    const received = bodyCoding(request.headers['content-encoding']);
    const keepOpen = (): (() => void) => current.keepOpen();
    const body = new BodyRequest(request, reply, {
      kind: 'explain',
      pipeline,
      streams,
      memory,
      keepOpen,
      use: request.caller.use,
      limits,
      received,
      stalls,
      clock,
    });
    let calls: JsonValue;
    try {
      calls = pipeline.explain(await body.text(), (lookup) => current.describe('lookups', lookup));
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      if (error.code === 'invalid_json') throw new RequestError('bad_body', error.message);
      return sendProblem(reply, recordProblem(error.code, error.message, request.id, {}));
    }
    return { pipeline: pipeline.name, steps: calls };
  });
  refuseOtherMethods(app, '/v1/pipelines', ['GET', 'HEAD']);
  refuseOtherMethods(app, '/v1/pipelines/:pipeline', ['GET', 'HEAD']);
  refuseOtherMethods(app, '/v1/explain/:pipeline', ['POST']);
}
