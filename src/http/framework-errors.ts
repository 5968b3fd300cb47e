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

/** Total: what a route or the framework threw, as what the client is told. A defect tells nothing of itself. */
export function requestError(thrown: unknown): RequestError {
  if (thrown instanceof RequestError) return thrown;
  const status = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : undefined;
  const code = typeof status === 'number' ? codeOfStatus.get(status) : undefined;
  if (code === 'unsupported_media_type') return unsupportedType('what Content-Type says');
  if (code !== undefined && thrown instanceof Error) return new RequestError(code, thrown.message);
  return internalError();
}

export function internalError(): RequestError {
  return new RequestError('internal', 'this is a defect of the service; its log has more under the id of this request');
}

/** Ends something after a defect: by `cut`, or, if that throws as well, by all of the other ways, whatever they throw. */
export function endInOrder(
  log: Pick<FastifyBaseLogger, 'error'>,
  cut: () => void,
  ...otherwise: readonly (() => void)[]
): void {
  try {
    return cut();
  } catch (error) {
    log.error({ err: error }, 'what has a defect could not be ended in order');
  }
  const attempt = guardWith((error) => log.error({ err: error }, 'what has a defect could not be ended'));
  for (const end of otherwise) attempt(end)();
}
