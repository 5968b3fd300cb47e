import type { Socket } from 'node:net';

/** Address and port of the other end of a connection, which may be a proxy; null if the connection is closed. */
export function clientAddress(socket: Socket | undefined): string | null {
  if (socket?.remoteAddress === undefined) return null;
  const { remoteAddress, remotePort, remoteFamily } = socket;
  return remoteFamily === 'IPv6' ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
