import { Socket } from 'node:net';
import type { buildConnector } from 'undici';

/** Borrowed (docs/dependencies.md): typed to return nothing, a connector of undici returns the socket that it opens. */
export function openSocket(
  connect: buildConnector.connector,
  to: buildConnector.Options,
  callback: buildConnector.Callback,
): Socket {
  const opening: unknown = connect(to, callback);
  if (opening instanceof Socket) return opening;
  throw new Error('the connector of undici returned no socket');
}
