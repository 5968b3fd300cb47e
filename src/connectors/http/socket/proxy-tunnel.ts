import type { OnReadOpts, Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import { inLaterTurn } from '../../../core/time/later-turn.ts';
import { systemClock } from '../../../core/time/time.ts';
import { connectReason, reported } from './connect-reason.ts';
import { openSocket } from './open-socket.ts';
import { NotConnected } from './not-connected.ts';
import { type Proxy, proxyRefusal } from './proxy.ts';

/** A connection that is being opened: destroyed with an error, it is reported as not connected. */
export interface Opening {
  destroy(error?: Error): void;
}

type Connected = (error: Error | null, socket: Socket | null) => void;

export interface ProxyOptions {
  readonly proxy: Proxy;
  /** The authorities that are trusted, if the proxy is called over TLS. */
  readonly ca: Buffer | undefined;
  readonly timeoutMs: number;
}

export interface TunnelOptions extends ProxyOptions {
  /** Such as `crm.example:443`. */
  readonly authority: string;
  /** With TLS the client speaks first. Without it the server may, so its bytes may follow the answer of the proxy at once. */
  readonly tls: boolean;
}

/** Opens connections to a proxy. It is configured, so its address is not checked. */
export function proxyConnector({
  proxy,
  ca,
  timeoutMs,
}: ProxyOptions): (callback: Connected, onread?: OnReadOpts) => Opening {
  const { protocol, host, hostname, port } = new URL(proxy.origin);
  const to = { protocol, host, hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port };
  const secureContext = protocol === 'https:' ? createSecureContext(ca === undefined ? {} : { ca }) : undefined;
  return (callback, onread) => {
    const connect = buildConnector({
      allowH2: false,
      timeout: timeoutMs,
      ...(secureContext === undefined ? {} : { secureContext }),
      ...(onread === undefined ? {} : { onread }),
    });
    return openSocket(connect, to, (error, socket) => {
      if (error === null) callback(null, socket);
      else callback(noProxyReached(proxy, error), null);
    });
  };
}

/** Opens tunnels through a proxy (RFC 9110, 9.3.6). The proxy has to connect, and to answer, within the timeout each. */
export function tunnelConnector(options: TunnelOptions): (callback: Connected) => Opening {
  const connect = proxyConnector(options);
  const { proxy, authority } = options;
  const credentials = proxy.authorization === undefined ? '' : `proxy-authorization: ${proxy.authorization}\r\n`;
  const request = `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\nuser-agent: millrace\r\n${credentials}\r\n`;
  return (callback) => {
    let over = false;
    let socket: Socket | undefined;
    const end = (error: Error | null): void => {
      if (over) return;
      over = true;
      if (error !== null) socket?.destroy();
      callback(error, error === null ? (socket ?? null) : null);
    };
    const opening = connect((error, connected) => {
      if (connected === null) return end(error);
      if (over) return void connected.destroy();
      socket = connected;
      readRefusal(connected, options, request, (refusal) =>
        end(refusal === undefined ? null : refusalOf(proxy, refusal)),
      );
    });
    return {
      destroy(error = new Error('the connection is not needed any more')) {
        opening.destroy(error);
        inLaterTurn(() => end(error));
      },
    };
  };
}

/** Why there is no tunnel: the status of the proxy, or what went wrong. */
type Refusal = { readonly status: number } | string;

const mostHeadBytes = 16_384;

/** Sends the request, and reads the head of the answer; a tunnel has no body. Calls `done` once. */
function readRefusal(
  socket: Socket,
  { timeoutMs, tls }: TunnelOptions,
  request: string,
  done: (refusal: Refusal | undefined) => void,
): void {
  let head = '';
  const finish = (refusal: Refusal | undefined, beyond?: Buffer): void => {
    disarm();
    socket.pause();
    socket.off('data', read).off('error', failed).off('end', ended).off('close', ended);
    // Until its next owner listens, and if it has none.
    socket.on('error', () => {});
    if (beyond !== undefined && beyond.length > 0) socket.unshift(beyond);
    done(refusal);
  };
  const failed = (error: Error): void => finish(reported(error));
  const ended = (): void => finish('it closed the connection');
  const read = (bytes: Buffer): void => {
    head += bytes.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return head.length > mostHeadBytes ? finish('the head of its answer is too large') : undefined;
    const line = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(head);
    if (line === null) return finish('its answer is not HTTP/1.1');
    const status = Number(line[1]);
    if (status < 200 || status > 299) return finish({ status });
    const beyond = Buffer.from(head.slice(end + 4), 'latin1');
    if (tls && beyond.length > 0) return finish('it sent bytes of its own into the tunnel');
    finish(undefined, beyond);
  };
  const disarm = systemClock.setTimer(timeoutMs, () => finish(`it did not answer within ${timeoutMs} ms`));
  socket.on('data', read).on('error', failed).on('end', ended).on('close', ended);
  socket.write(request, 'latin1');
}

function noProxyReached({ origin }: Proxy, error: Error): NotConnected {
  return new NotConnected(`no connection to the proxy ${origin}: ${connectReason(error)}`, { final: false });
}

function refusalOf(proxy: Proxy, refusal: Refusal): NotConnected {
  if (typeof refusal === 'string')
    return new NotConnected(`no tunnel through the proxy ${proxy.origin}: ${refusal}`, { final: false });
  return new NotConnected(proxyRefusal(proxy.origin, refusal.status), {
    final: refusal.status >= 400 && refusal.status < 500 && refusal.status !== 408 && refusal.status !== 429,
  });
}
