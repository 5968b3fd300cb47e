import type { IncomingMessage } from 'node:http';

/** Address and port of the other end of the connection, which may be a proxy; null where it is gone. */
export function clientAddress({ socket }: IncomingMessage): string | null {
  const { remoteAddress, remotePort, remoteFamily } = socket;
  if (remoteAddress === undefined) return null;
  return remoteFamily === 'IPv6' ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
