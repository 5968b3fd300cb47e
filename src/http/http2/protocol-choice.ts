import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../../core/time/time.ts';

export type Protocol = 'http/1' | 'h2';

/** What a client of HTTP/2 sends first (RFC 9113, section 3.4). No request of HTTP/1 begins like this. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export interface ChoiceOptions {
  /** How long a client may take to show which protocol it speaks. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly chosen: (protocol: Protocol) => void;
  /** The client has not shown its protocol in time. */
  readonly late: () => void;
}

/**
 * Calls `chosen` once the protocol of a connection is known, before a byte of it is lost. With TLS it was negotiated by
 * ALPN. Without TLS the first bytes show it:
 *
 *     socket ── first bytes ──▶ not a beginning of PREFACE: HTTP/1, at once
 *                          └──▶ PREFACE: HTTP/2          both: the bytes are put back, and are read again
 */
export function chooseProtocol(socket: Socket, { timeoutMs, clock, chosen, late }: ChoiceOptions): void {
  if (socket instanceof TLSSocket) return chosen(socket.alpnProtocol === 'h2' ? 'h2' : 'http/1');
  let first: Buffer | undefined;
  const stop = (): void => {
    disarm();
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.off('close', disarm);
    socket.off('error', ignore);
  };
  const onData = (chunk: Buffer): void => {
    first = first === undefined ? chunk : Buffer.concat([first, chunk]);
    const compared = Math.min(first.length, PREFACE.length);
    const isHttp2 = PREFACE.compare(first, 0, compared, 0, compared) === 0;
    if (isHttp2 && compared < PREFACE.length) return;
    stop();
    socket.pause();
    socket.unshift(first);
    chosen(isHttp2 ? 'h2' : 'http/1');
    // A session of HTTP/2 has taken the bytes.
    if (!isHttp2) socket.resume();
  };
  const onEnd = (): void => {
    stop();
    socket.end();
  };
  const onLate = (): void => {
    stop();
    late();
  };
  const disarm = clock.setTimer(timeoutMs, onLate);
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('close', disarm);
  socket.on('error', ignore);
}

function ignore(): void {}
