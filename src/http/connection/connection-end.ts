import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../core/time/time.ts';
import type { StallWatch } from './stall-watch.ts';

/** How long a socket is still read after the last byte to it: a client that is sending would else lose what it has not read. */
const LINGER_MS = 1000;

/** Closes the connection of a request whose body still came when its answer was complete, once the client could read that. */
export function closeAfterEarlyAnswer(request: IncomingMessage, clock: Clock): void {
  if (request.complete || request.socket.destroyed) return;
  const { socket } = request;
  request.resume();
  const stopTimer = clock.setTimer(LINGER_MS, () => socket.destroy());
  // A request whose answer is complete is not told that its connection is gone.
  const over = (): void => {
    stopTimer();
    request.off('close', over);
    socket.off('close', over);
  };
  request.once('close', over);
  socket.once('close', over);
}

/** From now on a connection is reset whose response is not read at all for `timeoutMs`; 0 = never. */
export function resetUnlessRead(
  { socket }: IncomingMessage,
  response: ServerResponse,
  stalls: StallWatch,
  timeoutMs: number,
): void {
  if (timeoutMs === 0) return;
  const heldBytes = (): number => response.writableLength;
  const unwatch = stalls.watch({ socket, timeoutMs, heldBytes, stalled: () => resetConnection(socket) });
  response.once('close', unwatch);
}

export interface CutOptions {
  readonly clock: Clock;
  readonly stalls: StallWatch;
  /** The connection is reset if nothing is read for this long; 0 = never. */
  readonly stallTimeoutMs: number;
}

/**
 * Ends a response that has begun so that it cannot be taken for complete: no last chunk, no trailer.
 * What was written before still arrives, as long as it is read. HTTP/1.0 has no chunks; there the connection is reset.
 * Borrowed (docs/dependencies.md): Node does not document `chunkedEncoding` of a response.
 */
export function cutResponse(request: IncomingMessage, response: ServerResponse, options: CutOptions): void {
  const { clock, stalls, stallTimeoutMs } = options;
  const { socket } = response;
  if (socket === null || socket.destroyed) return void request.socket.destroy();
  if (!response.chunkedEncoding) return resetConnection(socket);
  request.resume();
  const unwatch =
    stallTimeoutMs > 0
      ? stalls.watch({
          socket,
          timeoutMs: stallTimeoutMs,
          heldBytes: () => socket.writableLength,
          stalled: () => resetConnection(socket),
        })
      : () => {};
  endWhenSent(socket, '', clock, unwatch);
}

/** Sends the last bytes of a connection, reads on for a second, and closes it; resets it if `flushMs` were not enough. */
export function endSocket(socket: Socket, lastText: string, clock: Clock, flushMs: number): void {
  endWhenSent(
    socket,
    lastText,
    clock,
    clock.setTimer(flushMs, () => resetConnection(socket)),
  );
}

/** `sent` is called once, when the last byte was handed to the kernel or the connection is closed. */
function endWhenSent(socket: Socket, lastText: string, clock: Clock, sent: () => void): void {
  let disarm = sent;
  socket.once('close', () => disarm());
  socket.once('finish', () => {
    disarm();
    disarm = clock.setTimer(LINGER_MS, () => socket.destroy());
  });
  socket.end(lastText);
}

/** Closes at once and throws away what was not sent; the client sees a reset. */
export function resetConnection(socket: Socket): void {
  socket.resetAndDestroy();
}
