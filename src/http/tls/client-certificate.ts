import type { FastifyInstance } from 'fastify';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { RequestError } from '../../core/errors.ts';
import { socketOf } from '../http2/http2-request.ts';

/** Refuses every request whose client has shown no certificate of `server.tls.clientCa`, but for the routes `except`. */
export function requireCertificate(app: FastifyInstance, except: ReadonlySet<string>): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { url } = request.routeOptions;
    if (url !== undefined && except.has(url)) done();
    else done(certificateProblem(socketOf(request.raw)));
  });
}

function certificateProblem(socket: Socket | undefined): RequestError | undefined {
  if (socket instanceof TLSSocket && socket.authorized) return undefined;
  const shown = socket instanceof TLSSocket && Object.keys(socket.getPeerCertificate()).length > 0;
  const detail = shown
    ? 'the certificate of the client was not issued by an authority of server.tls.clientCa, or is not valid now'
    : 'the client shows no certificate; use one that was issued by an authority of server.tls.clientCa';
  return new RequestError('certificate_required', detail);
}
