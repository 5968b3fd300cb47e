import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../core/time/time.ts';
import { carrierOf } from '../tls/carrier.ts';
import type { StallWatch } from './stall-watch.ts';

/** How long a socket is still read after its last byte was sent: a client that is sending would lose unread bytes otherwise. */
const LINGER_MS = 1000;

/** Closes the connection of a request that was answered before its body was complete, after the client had time to read the answer. */
export function closeAfterEarlyAnswer(request: IncomingMessage, clock: Clock): void {
  if (request.complete || request.socket.destroyed) return;
  const { socket } = request;
  request.resume();
  const stopTimer = clock.setTimer(LINGER_MS, () => socket.destroy());
  // Node.js emits no event on a request whose answer is complete if its connection closes.
  const over = (): void => {
    stopTimer();
    request.off('close', over);
    socket.off('close', over);
  };
  request.once('close', over);
  socket.once('close', over);
}

/** Resets the connection of a response of which nothing is read for `timeoutMs`. */
export function resetUnlessRead(
  { socket }: IncomingMessage,
  response: ServerResponse,
  stalls: StallWatch,
  timeoutMs: number,
): void {
  const heldBytes = (): number => response.writableLength;
  const unwatch = stalls.watch({ socket, timeoutMs, heldBytes, stalled: () => resetConnection(socket) });
  response.once('close', unwatch);
}

export interface CutOptions {
  readonly clock: Clock;
  readonly stalls: StallWatch;
  /** The connection is reset if nothing is read for this long. */
  readonly stallTimeoutMs: number;
}

/**
 * Ends a response that has begun so that the client sees that it is incomplete: without last chunk and trailers.
 * Bytes that were written before still arrive, if the client reads. HTTP/1.0 has no chunks: the connection is reset.
 * Borrowed (docs/dependencies.md): Node does not document `chunkedEncoding` of a response.
 */
export function cutResponse(request: IncomingMessage, response: ServerResponse, options: CutOptions): void {
  const { clock, stalls, stallTimeoutMs } = options;
  const { socket } = response;
  if (socket === null || socket.destroyed) return void request.socket.destroy();
  if (!response.chunkedEncoding) return resetConnection(socket);
  request.resume();
  const unwatch = stalls.watch({
    socket,
    timeoutMs: stallTimeoutMs,
    heldBytes: () => socket.writableLength,
    stalled: () => resetConnection(socket),
  });
  endWhenSent(socket, '', clock, unwatch);
}

/** Sends the last bytes of a connection, reads on for a second, and closes it. If they are not sent within `flushMs`, resets it. */
export function endSocket(socket: Socket, lastText: string, clock: Clock, flushMs: number): void {
  endWhenSent(
    socket,
    lastText,
    clock,
    clock.setTimer(flushMs, () => resetConnection(socket)),
  );
}

/** Calls `sent` once: when the kernel has the last byte, or when the connection is closed. */
function endWhenSent(socket: Socket, lastText: string, clock: Clock, sent: () => void): void {
  let disarm = sent;
  socket.once('close', () => disarm());
  socket.once('finish', () => {
    disarm();
    disarm = clock.setTimer(LINGER_MS, () => socket.destroy());
  });
  socket.end(lastText);
}

/** Closes the connection at once and drops unsent bytes; the client sees a reset. A TLS socket cannot be reset itself. */
export function resetConnection(socket: Socket): void {
  carrierOf(socket).resetAndDestroy();
}
