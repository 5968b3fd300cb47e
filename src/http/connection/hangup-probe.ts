import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Guard, guardedClock } from '../../core/guard.ts';
import type { Clock } from '../../core/time/time.ts';

/** When to write to a client that has closed its side. The first write provokes a reset; a later one notices it. */
const PROBE_AFTER_MS = [0, 20, 200, 2000] as const;

/**
 * Finds out whether a client that closed its side of the connection still reads.
 *
 * In TCP, a client that has sent its whole body (`nc -N`) looks like a client that is gone; only a write shows which it
 * is. The bytes written here change nothing for a client that reads: before the head, an interim response 102 (RFC 9110,
 * section 15.2); in a chunked body, a zero before the size of the next chunk (RFC 9112, section 7.1:
 * `chunk-size = 1*HEXDIG`). HTTP/1.0 has neither.
 */
export function probeAfterHalfClose(
  request: IncomingMessage,
  response: ServerResponse,
  systemClock: Clock,
  guard: Guard,
): void {
  const clock = guardedClock(systemClock, guard);
  const { socket } = request;
  if (request.httpVersion !== '1.1') return;
  let disarm: (() => void) | undefined;
  const probe = (index: number): void => {
    const waitMs = PROBE_AFTER_MS[index];
    if (waitMs === undefined) return;
    disarm = clock.setTimer(waitMs, () => {
      if (response.writableEnded || socket.destroyed || response.socket !== socket) return;
      // A write that is under way is a probe itself.
      if (socket.writable && socket.writableLength === 0) {
        if (!response.headersSent) response.writeProcessing();
        else if (response.chunkedEncoding) socket.write('0');
      }
      probe(index + 1);
    });
  };
  const halfClosed = guard(() => probe(0));
  // A pipelined request may begin after its client has closed its side.
  if (socket.readableEnded) halfClosed();
  else socket.once('end', halfClosed);
  response.once('close', () => {
    socket.off('end', halfClosed);
    disarm?.();
  });
}
