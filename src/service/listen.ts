import type { Clock } from '../core/time/time.ts';
import type { HttpApp } from '../http/app-options.ts';
import { isSecure } from '../http/tls/secure-server.ts';
import type { Logger } from '../observability/log/logger.ts';

/** Listens, and resolves with the URL. Rejects with a message that names the address and says what to do. */
export async function listen(app: HttpApp, { host, port }: { host: string; port: number }): Promise<string> {
  await app.listen({ host, port }).catch((cause: unknown) => {
    throw new Error(`cannot listen on ${host}:${port}: ${reasonOf(cause)}`, { cause });
  });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error(`no address to listen on at ${host}:${port}`);
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `${isSecure(app.server) ? 'https' : 'http'}://${shown}:${address.port}`;
}

function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EADDRINUSE') return 'another process listens there; stop it, or choose another --port or --admin-port';
  if (code === 'EACCES') return 'a port below 1024 is for root; choose another --port or --admin-port';
  if (code === 'EADDRNOTAVAIL') {
    return 'no network interface of this machine has this address; choose another --host or --admin-host';
  }
  return cause instanceof Error ? cause.message : String(cause);
}

/** Logs, once a second at most, that a connection cannot be accepted: without a listener this event ends the process. */
export function logRefusedConnections(server: HttpApp['server'], clock: Clock, logger: Logger | false): void {
  let loggedAt = -Infinity;
  server.on('error', (error) => {
    if (logger === false || clock.now() - loggedAt < 1000) return;
    loggedAt = clock.now();
    logger.error({ err: error }, 'a connection could not be accepted');
  });
}
