import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../../core/time/time.ts';
import { http2StreamOf, socketOf } from '../http2/http2-request.ts';
import { carrierOf } from '../tls/carrier.ts';
import { resetStream } from '../http2/reset-stream.ts';
import type { StallWatch } from './stall-watch.ts';

/** How long a socket is still read after its last byte was sent: a client that is sending would lose unread bytes otherwise. */
const LINGER_MS = 1000;

/**
 * When a response ends before the body of its request: reads on until the client had time to read the response, then
 * closes the connection. Over HTTP/2 only the stream is closed, by RST_STREAM with NO_ERROR (RFC 9113, section 8.1).
 */
export function watchEarlyAnswer(request: IncomingMessage, response: ServerResponse, clock: Clock): void {
  const stream = http2StreamOf(request);
  if (stream === undefined) response.once('finish', () => closeAfterEarlyAnswer(request, clock));
  // Over HTTP/2 the response has finished only when its stream is closed.
  else stream.once('finish', () => closeStreamAfterEarlyAnswer(stream, clock));
}

function closeStreamAfterEarlyAnswer(stream: ServerHttp2Stream, clock: Clock): void {
  if (stream.destroyed || stream.readableEnded) return;
  stream.resume();
  stream.once(
    'close',
    clock.setTimer(LINGER_MS, () => stream.close(constants.NGHTTP2_NO_ERROR)),
  );
}

function closeAfterEarlyAnswer(request: IncomingMessage, clock: Clock): void {
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

/**
 * Keeps a connection open whose response says `Connection: close`, until its client had time to read the response. If a
 * part of the body is not read, the kernel resets a connection that is closed, and the client may lose the response.
 * Borrowed (docs/dependencies.md): Node closes the connection after a response whose member `_last` is true.
 */
export function lingerAfterClose(request: IncomingMessage, response: ServerResponse): void {
  response.once('prefinish', () => {
    if (!request.complete) Object.assign(response, { _last: false });
  });
}

/** Resets a response of which nothing is read for `timeoutMs`. */
export function resetUnlessRead(
  request: IncomingMessage,
  response: ServerResponse,
  stalls: StallWatch,
  timeoutMs: number,
): void {
  response.once(
    'close',
    watchResponse(request, response, stalls, timeoutMs, () => resetResponse(request)),
  );
}

/** Calls `stalled` if nothing of a response is read for `timeoutMs`. The function returned ends the watch. */
export function watchResponse(
  request: IncomingMessage,
  response: ServerResponse,
  stalls: StallWatch,
  timeoutMs: number,
  stalled: () => void,
): () => void {
  const socket = socketOf(request);
  if (socket === undefined) return () => {};
  const carrier = carrierOf(socket);
  return stalls.watch({
    socket,
    timeoutMs,
    heldBytes: () => response.writableLength,
    ...(http2StreamOf(request) !== undefined && { connectionBytes: () => carrier.bytesWritten }),
    stalled,
  });
}

/** Ends a response at once, and drops unsent bytes: the connection of HTTP/1 is reset, or the stream of HTTP/2. */
export function resetResponse(request: IncomingMessage): void {
  const stream = http2StreamOf(request);
  if (stream === undefined) resetConnection(request.socket);
  else resetStream(stream);
}

/** Whether all of a response was sent. */
export function wasSent(request: IncomingMessage, response: ServerResponse): boolean {
  const stream = http2StreamOf(request);
  // Node.js says of every closed response of HTTP/2 that it has finished.
  return stream === undefined
    ? response.writableFinished
    : response.writableEnded && stream.rstCode === constants.NGHTTP2_NO_ERROR;
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
