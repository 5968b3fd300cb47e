import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { afterAll } from 'vitest';
import { readTlsAgain, type TlsFiles } from '../../src/config/tls-files.ts';
import { carrierOf } from '../../src/http/tls/carrier.ts';
import { Certificates } from '../connectors/http/tls/certificates.ts';

let files: TlsFiles | undefined;
let authority: string | undefined;
let version: '1.1' | '2' = '1.1';

/** The files that `start` uses: undefined unless `speakTls` was called. */
export const spokenTls = (): TlsFiles | undefined => files;

/**
 * From now on the services and the clients of this process speak TLS: `start`, `WireClient`, `fetch`, and curl, whose
 * environment names the authority.
 */
export function speakTls(): void {
  const certificates = new Certificates();
  afterAll(() => certificates.remove());
  certificates.authority('ca').signed('here', 'ca', 'subjectAltName=IP:127.0.0.1');
  const { folder } = certificates;
  files = readTlsAgain({ cert: join(folder, 'here.crt'), key: join(folder, 'here.key') }, folder);
  authority = certificates.pem('ca.crt').toString();
  tls.setDefaultCACertificates([...tls.getCACertificates(), authority]);
  writeFileSync(join(folder, 'bundle.crt'), authority);
  process.env['CURL_CA_BUNDLE'] = join(folder, 'bundle.crt');
}

/** From now on `fetch` of fetched.ts and the clients of stream-client.ts speak HTTP/2: over TLS after `speakTls`, else h2c. */
export function speakHttp2(): void {
  version = '2';
}

export const speaksHttp2 = (): boolean => version === '2';

/** A connection to a service of this process, and the event that says that it is open. */
export function connectTo(port: number): { readonly socket: Socket; readonly opened: string } {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  return files === undefined
    ? { socket, opened: 'connect' }
    : { socket: tls.connect({ host: '127.0.0.1', socket }), opened: 'secureConnect' };
}

/** Closes a connection so that the service sees a reset. */
export function reset(socket: Socket): void {
  carrierOf(socket).resetAndDestroy();
}
