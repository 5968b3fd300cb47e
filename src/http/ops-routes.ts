import type { FastifyInstance } from 'fastify';
import { RecordError, RequestError } from '../core/errors.ts';
import type { JsonValue } from '../core/json.ts';
import type { AppOptions } from './app-options.ts';
import { readText } from './body-reader.ts';
import { explainOperation, listOperation, showOperation } from './openapi-ops.ts';
import { recordProblem, sendProblem } from './problem.ts';
import { findPipeline, refuseOtherMethods } from './routing.ts';

interface OnePipeline {
  Params: { pipeline: string };
}

/** What there is, how it is configured, and what it would do. */
export function opsRoutes(app: FastifyInstance, { pipelines, limits, describe }: AppOptions): void {
  app.get('/v1/pipelines', { schema: listOperation }, () => ({
    pipelines: pipelines.names.map((name) => ({ name, href: `/v1/pipelines/${encodeURIComponent(name)}` })),
  }));
  app.get<OnePipeline>('/v1/pipelines/:pipeline', { schema: showOperation }, (request) =>
    describe(findPipeline(pipelines, request.params.pipeline).name),
  );
  app.post<OnePipeline>('/v1/explain/:pipeline', { schema: explainOperation }, async (request, reply) => {
    const pipeline = findPipeline(pipelines, request.params.pipeline);
    const text = await readText(request.raw, limits.lineBytes);
    let calls: JsonValue;
    try {
      calls = pipeline.explain(text);
    } catch (error) {
      if (error instanceof SyntaxError) throw new RequestError('bad_body', `the record is not JSON: ${error.message}`);
      if (!(error instanceof RecordError)) throw error;
      return sendProblem(reply, recordProblem(error.code, error.message, request.id, {}));
    }
    return { pipeline: pipeline.name, steps: calls };
  });
  refuseOtherMethods(app, '/v1/pipelines', ['GET', 'HEAD']);
  refuseOtherMethods(app, '/v1/pipelines/:pipeline', ['GET', 'HEAD']);
  refuseOtherMethods(app, '/v1/explain/:pipeline', ['POST']);
}
