import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { enriched, records } from '../http/start.ts';
import { configuration, type TlsService, tlsService } from './tls-service.ts';

const open = (): Promise<TlsService> =>
  tlsService({
    tls: ', clientCa: clients.crt',
    server: ', watch: false',
    prepare(certificates, folder) {
      certificates.authority('clients').signed('client', 'clients', 'basicConstraints=CA:FALSE');
      certificates.authority('next').signed('next-client', 'next', 'basicConstraints=CA:FALSE');
      certificates.copy('clients.crt', join(folder, 'clients.crt'));
    },
  });

const reload = async (serving: TlsService, as: string): Promise<void> => {
  const answer = await serving.admin('/reload', { ...serving.client(as), method: 'POST' });
  expect(answer).toMatchObject({ status: 200 });
};

/** One request of this client, with the session of an earlier connection. */
async function resumed(
  serving: TlsService,
  port: number,
  name: string | undefined,
  session?: Buffer,
): Promise<{ reused: boolean; status: string; session: Buffer | undefined }> {
  const options = { ...serving.client(name), port, host: '127.0.0.1', ...(session && { session }) };
  const socket: TLSSocket = connect(options as object);
  let last: Buffer | undefined;
  socket.on('session', (next: Buffer) => {
    last = next;
  });
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  let reused = false;
  socket.on('secureConnect', () => {
    reused = socket.isSessionReused();
    socket.write('GET /state HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
  });
  await new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  return { reused, status: received.slice(9, 12), session: last };
}

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a session of a client whose authority was removed does not pass: %s',
  async (maxVersion) => {
    const serving = await open();
    const original = serving.client.bind(serving);
    Object.assign(serving, { client: (name?: string) => ({ ...original(name), maxVersion }) });
    const adminPort = Number(new URL(serving.service.adminUrl).port);
    for (const port of [adminPort, serving.port]) {
      const status = port === adminPort ? '200' : '404';
      const first = await resumed(serving, port, 'client');
      expect(first).toMatchObject({ reused: false, status });
      // The session stands for the certificate, as long as the authority is the same.
      expect(await resumed(serving, port, undefined, first.session)).toMatchObject({ reused: true, status });
      serving.write('clients.crt', serving.certificates.pem('next.crt'));
      await reload(serving, 'client');
      expect(await resumed(serving, port, undefined, first.session)).toMatchObject({
        reused: false,
        status: port === adminPort ? '403' : '',
      });
      expect(await resumed(serving, port, 'next-client')).toMatchObject({ status });
      serving.write('clients.crt', serving.certificates.pem('clients.crt'));
      await reload(serving, 'next-client');
    }
  },
);

test('a kept connection of such a client ends: at once if it is idle, after its response if it is busy', async () => {
  const serving = await open();
  const { ca } = serving.client();
  const trusted = { ca: ca as Buffer, ...serving.certificates.shown('client') };
  const agent = new Agent({ keepAlive: true, ...trusted });
  onTestFinished(() => agent.destroy());
  const stream = request(`${serving.service.url}/v1/enrich/test`, { agent, method: 'POST' });
  stream.flushHeaders();
  const [response] = (await once(stream, 'response')) as [IncomingMessage];
  response.setEncoding('utf8');
  const idle = request(`${serving.service.url}/v1/pipelines`, { agent }).end();
  const [listed] = (await once(idle, 'response')) as [IncomingMessage];
  listed.resume();
  await once(listed, 'end');
  const idleClosed = once(idle.socket ?? stream, 'close');
  serving.write('clients.crt', serving.certificates.pem('next.crt'));
  await reload(serving, 'client');
  await idleClosed;
  const ends = [once(response, 'end'), once(stream.socket ?? idle, 'close')];
  stream.end(records(1));
  const [line] = (await once(response, 'data')) as [string];
  expect(line).toBe(enriched(1));
  await Promise.all(ends);
  expect(response.trailers['millrace-status']).toBe('complete');
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a session without a certificate, which the admin listener allows, gives no right when it is resumed: %s',
  async (maxVersion) => {
    const serving = await open();
    const original = serving.client.bind(serving);
    Object.assign(serving, { client: (name?: string) => ({ ...original(name), maxVersion }) });
    const adminPort = Number(new URL(serving.service.adminUrl).port);
    const first = await resumed(serving, adminPort, undefined);
    expect(first).toMatchObject({ reused: false, status: '403' });
    expect(await resumed(serving, adminPort, undefined, first.session)).toMatchObject({ status: '403' });
    expect(await resumed(serving, serving.port, undefined, first.session)).toMatchObject({ status: '' });
  },
);

test('a configuration without clientCa keeps the authorities until the restart', async () => {
  const serving = await open();
  serving.write('millrace.yaml', configuration(1, '', ', watch: false'));
  await reload(serving, 'client');
  const adminPort = Number(new URL(serving.service.adminUrl).port);
  expect(await resumed(serving, adminPort, undefined)).toMatchObject({ status: '403' });
  expect(await resumed(serving, adminPort, 'client')).toMatchObject({ status: '200' });
  expect(await resumed(serving, serving.port, undefined)).toMatchObject({ status: '' });
});
