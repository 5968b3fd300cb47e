import { RecordError } from '../core/errors.ts';
import type { ManyService, Reply, Service } from './lookup.ts';

/**
 * A service for many requests as a service for one.
 *
 *     const call = oneOfMany(connector.callMany);
 *     const answer = await call({ iata: 'SFO' }, context);
 *
 * The reply is returned without a promise if the service returns its replies without one. A reply that is a failure is
 * thrown.
 */
export function oneOfMany<Req, Res>(many: ManyService<Req, Res>): Service<Req, Res> {
  return (request, context) => {
    const replies = many([request], context);
    return replies instanceof Promise ? replies.then(only) : only(replies);
  };
}

function only<Res>(replies: readonly Reply<Res>[]): Res {
  const [reply] = replies;
  if (reply === undefined || replies.length !== 1) throw new Error(`one request has ${replies.length} replies`);
  if (reply instanceof RecordError) throw reply;
  return reply;
}
