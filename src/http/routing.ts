import { METHODS } from 'node:http';
import type { FastifyInstance, HTTPMethods } from 'fastify';
import { RequestError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { AppOptions, PipelineDirectory, Served } from './app-options.ts';

/** Throws `unknown_pipeline`, which names those there are and the one that was probably meant. */
export function findPipeline(pipelines: PipelineDirectory, name: string): Pipeline {
  const pipeline = pipelines.get(name);
  if (pipeline !== undefined) return pipeline;
  const { names } = pipelines;
  const meant = nearest(name, names);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  const known = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
  throw new RequestError('unknown_pipeline', `there is no pipeline ${name}: ${known}${hint}`, {
    pipelines: names,
    ...(meant !== undefined && { nearest: meant }),
  });
}

/**
 * Refuses a request that would hold memory: with `draining` if the service stops, with `too_many_streams` if streams,
 * single records and explanations together are as many as `limits.streams` allows.
 */
export function refuseWhenFull({ drainState, streams }: AppOptions, { limits }: Served): void {
  if (drainState.draining) throw new RequestError('draining', 'no new stream is taken; another instance will take it');
  if (streams.size < limits.streams) return;
  throw new RequestError('too_many_streams', `${limits.streams} streams are open (limits.streams)`, {
    limit: limits.streams,
  });
}

/** Every method that Node's parser knows, but CONNECT, which never becomes a request. */
const methods: readonly HTTPMethods[] = METHODS.filter((method) => method !== 'CONNECT');

/** Answers 405 with `Allow` to every method that a path does not take, be it TRACE, QUERY or PROPFIND. */
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
    // Before the framework looks at the body: it refuses a QUERY without a media type with 400.
    onRequest: (request, reply) => {
      reply.header('allow', allow);
      const detail = `${request.routeOptions.url} takes ${allow}, not ${request.method}`;
      const hint = request.method === 'PUT' ? hintForPut : '';
      throw new RequestError('method_not_allowed', `${detail}${hint}`, { allow: allowed });
    },
    handler: () => {},
  });
}
