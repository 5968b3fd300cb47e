import { METHODS } from 'node:http';
import type { FastifyInstance, HTTPMethods } from 'fastify';
import { RequestError } from '../core/errors.ts';
import { nearestHint } from '../core/nearest.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Caller } from './access/bearer-tokens.ts';
import type { AppOptions, PipelineDirectory, Served } from './app-options.ts';

/** The names of the pipelines that the caller may use. */
export function namesFor(caller: Caller, pipelines: PipelineDirectory): readonly string[] {
  return pipelines.names.filter((name) => caller.mayUse(pipelines.get(name)?.config.allow.tokens));
}

/** Throws `unknown_pipeline`, which names all pipelines that the caller may use, and the nearest one. */
export function findPipeline(pipelines: PipelineDirectory, name: string, caller: Caller): Pipeline {
  const pipeline = pipelines.get(name);
  if (pipeline !== undefined) return pipeline;
  const names = namesFor(caller, pipelines);
  const { hint, member } = nearestHint(name, names);
  const known = names.length === 0 ? 'the configuration has none' : `pipelines: ${names.join(', ')}`;
  throw new RequestError('unknown_pipeline', `there is no pipeline ${JSON.stringify(name)}; ${known}${hint}`, {
    pipelines: names,
    ...member,
  });
}

/**
 * Refuses a request that would hold memory: with `draining` if the service drains, with `too_many_streams` if streams,
 * single records and explanations together have reached `limits.streams`, or those of the caller the limit of its token.
 */
export function refuseWhenFull({ drainState, streams }: AppOptions, { limits }: Served, { use }: Caller): void {
  if (drainState.draining)
    throw new RequestError(
      'draining',
      'the service is shutting down and takes no new stream; send it to another instance',
    );
  use?.refuseWhenFull();
  if (streams.size < limits.streams) return;
  throw new RequestError('too_many_streams', `as many streams are open as limits.streams allows: ${limits.streams}`, {
    limit: limits.streams,
  });
}

/** The path of a request's target, without its query. */
export function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** All methods that Node's parser knows except CONNECT, which never becomes a request. */
const methods: readonly HTTPMethods[] = METHODS.filter((method) => method !== 'CONNECT');

/** Answers 405 with `Allow` to every other method, such as TRACE, QUERY or PROPFIND. */
export function refuseOtherMethods(
  app: FastifyInstance,
  url: string,
  allowed: readonly HTTPMethods[],
  hintForPut = '',
): void {
  const allow = allowed.join(', ');
  for (const method of methods)
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  app.route({
    method: methods.filter((method) => !allowed.includes(method)),
    url,
    schema: { hide: true },
    // This runs before the framework checks the body, which would answer 400 to a QUERY without a media type.
    onRequest: (request, reply) => {
      reply.header('allow', allow);
      const detail = `${pathOf(request.url)} takes ${allow}, not ${request.method}`;
      const hint = request.method === 'PUT' ? hintForPut : '';
      throw new RequestError('method_not_allowed', `${detail}${hint}`, { allow: allowed });
    },
    handler: () => {},
  });
}
