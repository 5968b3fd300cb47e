import { type OnReadOpts, Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import type { CallContext } from '../../../core/call/call-context.ts';
import type { Clock } from '../../../core/time/time.ts';
import { cancellation } from '../../call-outcome.ts';
import type { AddressRules } from './address-rules.ts';
import { notConnected } from '../http-failure.ts';

/** The way from here to the other system. */
export interface Route {
  readonly addresses: AddressRules;
}

export interface SocketOptions {
  readonly origin: string;
  readonly http2: boolean;
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  readonly route: Route;
}

/**
 * `onread` takes the bytes instead of the stream. Returns the socket that connects: destroyed with an error, it is
 * reported to `callback` as not connected.
 */
type SocketConnector = (to: buildConnector.Options, callback: buildConnector.Callback, onread?: OnReadOpts) => Socket;

const connectTimeoutMs = 10_000;

/** Opens the sockets of one origin. With TLS they share one context, and a new one resumes the session of those before it. */
export function socketConnector({ origin, http2, tls, route }: SocketOptions): SocketConnector {
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
    // Borrowed (docs/dependencies.md): typed to return nothing, the connector returns the socket.
    const opening: unknown = connect(to, (...outcome) => {
      const socket = outcome[1];
      if (socket === null) session = undefined;
      else if (socket instanceof TLSSocket) {
        socket.on('session', (fresh: Buffer) => (session = fresh));
        // An alert leaves the socket open: its end would hide the alert, which says why.
        socket.once('error', () => socket.destroy());
      }
      callback(...outcome);
    });
    if (opening instanceof Socket) return opening;
    throw new Error('the connector of undici returned no socket');
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
    let opening: Socket | undefined;
    const forget = context.onCancel((reason) => {
      opening?.destroy();
      reject(cancellation(lookup, reason));
    });
    const end = (socket: Socket | null, error: unknown): void => {
      forget();
      const there = reached(origin, socket);
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

function reached(origin: string, socket: Socket | null): string {
  const secured = socket instanceof TLSSocket ? socket.getProtocol() : null;
  return `connected to ${origin}${secured === null ? '' : ` with ${secured}`}`;
}
