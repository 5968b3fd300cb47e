import { RequestError } from '../core/errors.ts';
import type { AppOptions } from './app-options.ts';
import type { Served } from './served.ts';

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
