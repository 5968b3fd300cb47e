import type { FastifyBaseLogger } from 'fastify';
import { RequestError, type RequestErrorCode } from '../core/errors.ts';
import { guardWith } from '../core/guard.ts';
import { unsupportedType } from './media.ts';

const codeOfStatus: ReadonlyMap<number, RequestErrorCode> = new Map([
  [400, 'bad_request'],
  [404, 'unknown_route'],
  [405, 'method_not_allowed'],
  [413, 'body_too_large'],
  [414, 'bad_request'],
  [415, 'unsupported_media_type'],
]);

/** The error that the client gets for anything that a route or the framework threw. A defect shows no details. */
export function requestError(thrown: unknown): RequestError {
  if (thrown instanceof RequestError) return thrown;
  const status = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : undefined;
  const code = typeof status === 'number' ? codeOfStatus.get(status) : undefined;
  // @fastify/static refuses a path that leads out of its folder, such as /docs/static/../x.
  if (status === 403) return new RequestError('unknown_route', 'this path leads out of /docs; /docs lists the routes');
  if (code === 'unsupported_media_type') return unsupportedType('this Content-Type');
  if (code !== undefined && thrown instanceof Error) return new RequestError(code, thrown.message);
  return internalError();
}

export function internalError(): RequestError {
  return new RequestError('internal', 'this is a defect of the service; look for the id of this request in its log');
}

/** Ends a stream after a defect: by `cut` or, if that throws too, by each of `otherwise`, whatever they throw. */
export function endInOrder(
  log: Pick<FastifyBaseLogger, 'error'>,
  cut: () => void,
  ...otherwise: readonly (() => void)[]
): void {
  try {
    return cut();
  } catch (error) {
    log.error({ err: error }, 'a stream with a defect could not be cut');
  }
  const attempt = guardWith((error) => log.error({ err: error }, 'a stream with a defect could not be ended'));
  for (const end of otherwise) attempt(end)();
}
