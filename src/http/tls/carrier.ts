import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/**
 * The TCP connection that carries a TLS connection; the socket itself if it is a TCP connection. Both are closed
 * together. Only the TCP connection can be reset, and it is there before the handshake.
 *
 * Borrowed (docs/dependencies.md): Node does not document that a TLS socket has it as `_parent`.
 */
export function carrierOf(socket: Socket): Socket {
  if (!(socket instanceof TLSSocket) || !('_parent' in socket)) return socket;
  return socket._parent instanceof Socket ? socket._parent : socket;
}
