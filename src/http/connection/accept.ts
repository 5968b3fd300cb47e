import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Calls `accept` for each connection of a server before the server reads it; a connection for which it returns false
 * is never read, and `accept` ends it. The function that was passed last is called first.
 *
 * The name of the event of a connection is only here: with TLS it will be `secureConnection`.
 */
export function acceptConnections(server: Server, accept: (socket: Socket) => boolean): void {
  // The server's own listener attaches the parser. A refused connection must not have a parser, which would answer as well.
  // Borrowed (docs/dependencies.md): Node.js does not promise that a listener attaches it.
  const listeners = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    if (!accept(socket)) return;
    for (const listener of listeners) listener.call(server, socket);
  });
}
