import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The id that the client sent if it is a plain token, so that its log and the log of the service can be joined. */
export function requestId({ headers }: IncomingMessage): string {
  const sent = headers['x-request-id'];
  return typeof sent === 'string' && /^[\w.~-]{1,128}$/.test(sent) ? sent : randomUUID();
}
