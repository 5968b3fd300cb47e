import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { carrierOf } from '../tls/carrier.ts';

/**
 * `serve`: the server reads the connection. `drop`: it does not, because `accept` has closed the connection. A function
 * is called instead of the server, with the socket that it may write to.
 */
type Accepted = 'serve' | 'drop' | ((socket: Socket) => void);

/**
 * Calls `accept` for each TCP connection of a server. The function that was passed last is called first, and the others
 * only for connections that it serves.
 *
 *     http    connection: accept ──▶ parser, or the function
 *     https   connection: accept ──▶ handshake ──▶ secureConnection: parser, or the function
 */
export function acceptConnections(server: Server, accept: (connection: Socket) => Accepted): void {
  // The server's own listener attaches the parser. A refused connection must not have a parser, which would answer as well.
  // Borrowed (docs/dependencies.md): Node.js does not promise that a listener attaches it.
  const secure = server.listenerCount('secureConnection') > 0;
  const begin = takeListeners(server, 'connection');
  const read = secure ? takeListeners(server, 'secureConnection') : begin;
  const instead = new WeakMap<Socket, (socket: Socket) => void>();
  server.on('connection', (connection: Socket) => {
    const accepted = accept(connection);
    if (accepted === 'drop') return;
    if (typeof accepted === 'function') instead.set(connection, accepted);
    if (secure || accepted === 'serve') begin(connection);
    else accepted(connection);
  });
  if (!secure) return;
  server.on('secureConnection', (socket: Socket) => {
    const answer = instead.get(carrierOf(socket));
    if (answer === undefined) read(socket);
    else answer(socket);
  });
}

/** Removes the listeners of an event. The function returned calls them. */
export function takeListeners(server: Server, event: string): (socket: Socket) => void {
  const listeners = server.listeners(event);
  server.removeAllListeners(event);
  return (socket) => {
    for (const listener of listeners) listener.call(server, socket);
  };
}
