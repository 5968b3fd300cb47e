import { constants, type ServerHttp2Stream } from 'node:http2';

/**
 * Resets a stream with INTERNAL_ERROR, so that its client sees a failure, and never the end of a complete stream.
 * Borrowed (docs/dependencies.md): `close` of Node.js calls `end` of a stream that is still open, and then sometimes sends
 * END_STREAM instead of RST_STREAM. Without that call it resets the stream and destroys it.
 */
export function resetStream(stream: ServerHttp2Stream): void {
  if (stream.destroyed || stream.closed) return;
  Object.defineProperty(stream, 'end', { value: () => stream });
  stream.close(constants.NGHTTP2_INTERNAL_ERROR);
}
