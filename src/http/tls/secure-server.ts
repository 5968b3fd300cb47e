import { constants } from 'node:crypto';
import { Server, type ServerOptions } from 'node:https';
import type { Server as HttpServer, ServerOptions as HttpOptions } from 'node:http';
import type { FastifyHttpOptions } from 'fastify';
import type { TlsFiles } from '../../config/tls-files.ts';
import type { FailedHandshake } from './handshakes.ts';

/** What a listener needs to speak TLS. */
export interface ListenerTls {
  readonly files: TlsFiles;
  readonly failed: (handshake: FailedHandshake) => void;
}

/**
 * What a client without a certificate of `clientCa` gets: `refused` ends its handshake; with `answered` it can send
 * requests, which the routes refuse.
 */
export type WithoutCertificate = 'refused' | 'answered';

/** Longer than any `limits.headersTimeout`, which bounds a handshake: Node.js does not change its own limit on reload. */
const HANDSHAKE_MS = 2 ** 31 - 1;

/** The options of Fastify that make it create a server with or without TLS. */
export function serverOptions(
  options: HttpOptions,
  tls: ListenerTls | undefined,
  withoutCertificate: WithoutCertificate,
): Pick<FastifyHttpOptions<HttpServer>, 'http'> {
  if (tls === undefined) return { http: options };
  // A server with TLS is a server of HTTP for every caller, so the type of the instance is the same.
  return { https: { ...options, ...secureOptions(tls.files, withoutCertificate) } } as object;
}

function secureOptions(files: TlsFiles, withoutCertificate: WithoutCertificate): ServerOptions {
  const asks = files.clientCa !== undefined;
  return {
    ...contextOptions(files),
    requestCert: asks,
    rejectUnauthorized: asks && withoutCertificate === 'refused',
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: HANDSHAKE_MS,
  };
}

function contextOptions({ cert, key, clientCa }: TlsFiles): ServerOptions {
  return {
    cert,
    key,
    ...(clientCa !== undefined && { ca: clientCa }),
    minVersion: 'TLSv1.2',
    // A client of TLS 1.2 could ask for one handshake after the other on the same connection.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}

export function isSecure(server: HttpServer): boolean {
  return server instanceof Server;
}

/**
 * Connections from now on use these files; the others go on as they are. Throws, and changes nothing, if OpenSSL refuses
 * the files. A server without TLS is left alone.
 *
 * The keys of session tickets are never passed on: a ticket of an earlier file would be accepted without a look at the
 * client's certificate, although its authority is no longer in `clientCa`.
 */
export function useFiles(server: HttpServer, files: TlsFiles): void {
  if (server instanceof Server) server.setSecureContext(contextOptions(files));
}
