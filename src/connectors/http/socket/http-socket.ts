import type { OnReadOpts, Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import type { CallContext } from '../../../core/call/call-context.ts';
import type { Clock } from '../../../core/time/time.ts';
import { cancellation } from '../../call-outcome.ts';
import type { AddressRules } from './address-rules.ts';
import { notConnected } from '../http-failure.ts';
import { openSocket } from './open-socket.ts';
import { forwardingOf, type Proxy } from './proxy.ts';
import { type Opening, proxyConnector, tunnelConnector } from './proxy-tunnel.ts';

/** The way from here to the other system. */
export interface Route {
  readonly addresses: AddressRules;
  /** Undefined: connections go to the other system itself. */
  readonly proxy: Proxy | undefined;
}

export interface SocketOptions {
  readonly origin: string;
  readonly http2: boolean;
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  readonly route: Route;
}

/** `onread` takes the bytes instead of the stream. Without a proxy, the result is the socket that connects. */
type SocketConnector = (to: buildConnector.Options, callback: buildConnector.Callback, onread?: OnReadOpts) => Opening;

const connectTimeoutMs = 10_000;

/** Opens the sockets of one origin, through the proxy of its route if there is one. */
export function socketConnector(options: SocketOptions): SocketConnector {
  const { origin, http2, tls, route } = options;
  const { proxy } = route;
  const direct = directConnector(options);
  if (proxy === undefined) return direct;
  const throughProxy = { proxy, ca: tls.ca, timeoutMs: connectTimeoutMs };
  if (forwardingOf(origin, http2, proxy) !== undefined) {
    const toProxy = proxyConnector(throughProxy);
    return (_, callback, onread) => toProxy((error, socket) => report(callback, error, socket), onread);
  }
  const secure = origin.startsWith('https:');
  return tunnelled(tunnelConnector({ ...throughProxy, authority: authorityOf(origin), tls: secure }), direct, secure);
}

/** Behind the tunnel the connection is opened as without a proxy: with TLS, or as it is. */
function tunnelled(
  openTunnel: ReturnType<typeof tunnelConnector>,
  direct: SocketConnector,
  secure: boolean,
): SocketConnector {
  return (to, callback, onread) => {
    let opening = openTunnel((error, tunnel) => {
      if (tunnel === null) return report(callback, error, null);
      // HTTP/2 without TLS: undici looks for this member, which its own connector sets.
      if (!secure) return callback(null, Object.assign(tunnel, { alpnProtocol: 'h2' }));
      opening = direct({ ...to, httpSocket: tunnel }, (...outcome) => {
        if (outcome[0] === null && onread !== undefined) pour(outcome[1], onread);
        callback(...outcome);
      });
    });
    return { destroy: (error) => opening.destroy(error) };
  };
}

/** TLS over a socket that is open takes no `onread`, so the bytes are copied. */
function pour(socket: Socket, onread: OnReadOpts): void {
  const { buffer } = onread;
  const target = typeof buffer === 'function' ? buffer() : buffer;
  socket.on('data', (bytes: Buffer) => {
    for (let at = 0; at < bytes.length && !socket.destroyed; at += target.length)
      onread.callback(bytes.copy(target, 0, at), target);
  });
}

function report(callback: buildConnector.Callback, error: Error | null, socket: Socket | null): void {
  if (socket === null) callback(error ?? new Error('there is no socket'), null);
  else callback(null, socket);
}

function authorityOf(origin: string): string {
  const { hostname, port, protocol } = new URL(origin);
  return `${hostname}:${port === '' ? (protocol === 'https:' ? 443 : 80) : port}`;
}

/** With TLS the sockets share one context, and a new one resumes the session of those before it. */
function directConnector({ origin, http2, tls, route }: SocketOptions): SocketConnector {
  const secureContext = origin.startsWith('https:') ? createSecureContext(tls) : undefined;
  // undici would keep sessions as well, but only until the next garbage collection.
  let session: Buffer | undefined;
  return (to, callback, onread) => {
    const connect = buildConnector({
      allowH2: http2,
      lookup: route.addresses.lookup,
      timeout: connectTimeoutMs,
      ...(secureContext === undefined ? { useH2c: http2 } : { secureContext, session, maxCachedSessions: 0 }),
      ...(onread === undefined ? {} : { onread }),
    });
    return openSocket(connect, to, (...outcome) => {
      const socket = outcome[1];
      // On a failure undici gives no second argument.
      if (outcome[0] !== null) session = undefined;
      else if (socket instanceof TLSSocket) {
        socket.on('session', (fresh: Buffer) => (session = fresh));
        // An alert leaves the socket open: its end would hide the alert, which says why.
        socket.once('error', () => socket.destroy());
      }
      callback(...outcome);
    });
  };
}

/**
 * With TLS 1.3 the handshake of the client ends before the server has checked the client's certificate. This is how long
 * the client waits for a refusal.
 */
const refusalMs = 250;

/**
 * Opens a connection, with the handshake of TLS, and closes it again. Sends no request. Describes what was reached.
 * Rejects with RecordError `unreachable`, whose message says why and what to check.
 */
export function reachOrigin(
  options: SocketOptions,
  { lookup, clock }: { readonly lookup: string; readonly clock: Clock },
  context: CallContext,
): Promise<string> {
  const { origin } = options;
  const { protocol, host, hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    let opening: Opening | undefined;
    const forget = context.onCancel((reason) => {
      opening?.destroy();
      reject(cancellation(lookup, reason));
    });
    const end = (socket: Socket | null, error: unknown): void => {
      forget();
      const there = reached(options, socket);
      socket?.destroy();
      if (error === undefined) resolve(there);
      else reject(notConnected(origin, lookup, error));
    };
    opening = socketConnector(options)(
      { protocol, host, hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port },
      (error, socket) => {
        if (error !== null) return end(null, error);
        if (!(socket instanceof TLSSocket)) return end(socket, undefined);
        let refusal: Error | undefined;
        const disarm = clock.setTimer(refusalMs, () => end(socket, undefined));
        const decided = (verdict: unknown): void => {
          disarm();
          end(socket, verdict);
        };
        socket.once('session', () => decided(undefined));
        socket.on('error', (late: Error) => {
          refusal = late;
        });
        socket.once('close', () => decided(refusal ?? new Error('it closed the connection after the handshake')));
        socket.resume();
      },
    );
  });
}

function reached({ origin, http2, route: { proxy } }: SocketOptions, socket: Socket | null): string {
  if (proxy !== undefined && forwardingOf(origin, http2, proxy) !== undefined)
    return `connected to the proxy ${proxy.origin}; whether it reaches ${origin} is not known without a call`;
  const secured = socket instanceof TLSSocket ? socket.getProtocol() : null;
  const through = proxy === undefined ? '' : ` through the proxy ${proxy.origin}`;
  return `connected to ${origin}${secured === null ? '' : ` with ${secured}`}${through}`;
}
