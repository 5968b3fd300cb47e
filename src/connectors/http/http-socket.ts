import { type OnReadOpts, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import type { CallContext } from '../../core/call/call-context.ts';
import { RecordError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import { cancellation } from '../call-outcome.ts';
import { errorCode } from './http-failure.ts';

export interface SocketOptions {
  readonly origin: string;
  readonly http2: boolean;
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
}

const connectTimeoutMs = 10_000;

/**
 * Opens the sockets of one origin. All its connections use one connector, and share TLS sessions. `onread` takes the bytes
 * instead of the stream.
 */
export function socketConnector({ origin, http2, tls }: SocketOptions, onread?: OnReadOpts): buildConnector.connector {
  return buildConnector({
    ...tls,
    ...(onread === undefined ? {} : { onread }),
    allowH2: http2,
    timeout: connectTimeoutMs,
    ...(http2 && origin.startsWith('http:') ? { useH2c: true } : {}),
  });
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
    let opening: unknown;
    const forget = context.onCancel((reason) => {
      if (opening instanceof Socket) opening.destroy();
      reject(cancellation(lookup, reason));
    });
    const end = (socket: Socket | null, error: unknown): void => {
      forget();
      const there = reached(origin, socket);
      socket?.destroy();
      if (error === undefined) resolve(there);
      else
        reject(new RecordError('unreachable', `cannot connect to ${origin}: ${why(error)}`, { lookup, cause: error }));
    };
    // Borrowed (docs/dependencies.md): typed to return nothing, the connector returns the socket, which has to be closed
    // if the caller gives up before it is connected.
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

const untrusted = 'its authority is not trusted: set tls.ca';

/** What a code of the system or of OpenSSL means, or what to check. */
const hints = new Map([
  ['ECONNREFUSED', 'nothing listens there'],
  ['ENOTFOUND', 'the name is not known'],
  ['EAI_AGAIN', 'the resolver does not answer'],
  ['ECONNRESET', 'it closed the connection'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', untrusted],
  ['SELF_SIGNED_CERT_IN_CHAIN', untrusted],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', untrusted],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', untrusted],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'it does not speak TLS there'],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'it does not speak TLS there'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'it asks for a certificate: set tls.cert and tls.key'],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'it may ask for a certificate: see tls.cert and tls.key'],
]);

function why(error: unknown): string {
  const code = errorCode(error);
  // A name with several addresses has one error for each.
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
  const said = errors.map((one) => (one instanceof Error ? one.message.trim() : String(one))).join('; ');
  const named = code === undefined || said.includes(code) ? said : `${code}: ${said}`;
  const hint = hints.get(code ?? '');
  return hint === undefined ? named : `${hint} (${named})`;
}
