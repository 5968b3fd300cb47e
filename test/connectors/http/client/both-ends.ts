import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { AddressRules } from '../../../../src/connectors/http/socket/address-rules.ts';
import type { Route } from '../../../../src/connectors/http/socket/http-socket.ts';

/** A way on which every address is permitted. */
export const anyRoute: Route = {
  addresses: new AddressRules({ denyAddresses: [], allowAddresses: null }),
  proxy: undefined,
};

export type Protocol = 'http' | 'https';

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate for 127.0.0.1 that is its own authority. */
export function certificate(): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
  try {
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key'];
    const subject = ['-subj', '/CN=local', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const args = ['req', '-x509', ...newKey, '-out', 'cert', '-days', '1', ...subject];
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    return { cert: readFileSync(join(folder, 'cert')), key: readFileSync(join(folder, 'key')) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One request that has arrived, and its connection. */
export interface Arrived {
  readonly path: string;
  readonly socket: Socket;
  /** Sends RST. */
  readonly reset: () => void;
}

/** A server over TCP or TLS whose connections belong to the test: it reads heads of requests, and answers nothing by itself. */
export function rawServer(
  protocol: Protocol,
  { cert, key }: Certificate,
  onRequest: (request: Arrived) => void,
): Server {
  const serve = (socket: Socket, reset: () => void): void => {
    let text = '';
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const [, path = ''] = text.split(' ', 2);
        text = text.slice(end + 4);
        onRequest({ path, socket, reset });
      }
    });
  };
  if (protocol === 'http') return createServer((socket) => serve(socket, () => socket.resetAndDestroy()));
  // A TLS socket cannot be reset: the TCP socket below it can.
  const below = new Map<number | undefined, Socket>();
  const server = createTlsServer({ cert, key }, (socket) =>
    serve(socket, () => void below.get(socket.remotePort)?.resetAndDestroy()),
  );
  server.on('connection', (socket: Socket) => {
    const { remotePort } = socket;
    below.set(remotePort, socket);
    socket.on('close', () => below.delete(remotePort));
  });
  return server;
}
