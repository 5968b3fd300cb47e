import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { enriched, records } from '../http/start.ts';
import { configuration, forHere, type TlsService, tlsService } from './tls-service.ts';

/** The name in the certificate that a new connection gets. */
async function shownName(serving: TlsService, session?: Buffer): Promise<string> {
  const { ca } = serving.client();
  const socket = connect({ port: serving.port, host: '127.0.0.1', ca: ca, ...(session && { session }) });
  await once(socket, 'secureConnect');
  const name = String(socket.getPeerCertificate().subject.CN);
  socket.destroy();
  return name;
}

const said = ({ log }: TlsService, text: string): boolean => log.some(({ msg }) => String(msg).includes(text));

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await turn();
}

/** A running stream: each call sends one record and resolves when it has come back. */
async function openStream(serving: TlsService) {
  const sent = request(`${serving.service.url}/v1/enrich/test`, { ...serving.client(), agent: false, method: 'POST' });
  sent.flushHeaders();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let received = '';
  let changed = Promise.withResolvers<void>();
  response.setEncoding('utf8').on('data', (text: string) => {
    received += text;
    changed.resolve();
    changed = Promise.withResolvers();
  });
  const ended = once(response, 'end');
  return {
    async exchange(key: string): Promise<void> {
      sent.write(records(key));
      while (!received.includes(enriched(key))) await changed.promise;
    },
    async end(): Promise<unknown> {
      sent.end();
      await ended;
      return response.trailers['millrace-status'];
    },
  };
}

test('a certificate that Kubernetes replaces is used by new connections, and a running stream goes on', async () => {
  const serving = await tlsService({
    prepare(certificates, folder) {
      certificates.signed('renewed', 'ca', forHere);
      // As the kubelet mounts a Secret: each version in a folder of its own, and links that go through ..data.
      for (const name of ['here', 'renewed']) {
        mkdirSync(join(folder, `..${name}`));
        certificates.copy(`${name}.crt`, join(folder, `..${name}`, 'tls.crt'));
        certificates.copy(`${name}.key`, join(folder, `..${name}`, 'tls.key'));
      }
      for (const file of ['tls.crt', 'tls.key']) {
        rmSync(join(folder, file));
        symlinkSync(join('..data', file), join(folder, file));
      }
      symlinkSync('..here', join(folder, '..data'));
    },
  });
  const stream = await openStream(serving);
  await stream.exchange('1');
  expect(await shownName(serving)).toBe('here');
  symlinkSync('..renewed', serving.path('..data_tmp'));
  renameSync(serving.path('..data_tmp'), serving.path('..data'));
  await until(() => said(serving, 'configuration reloaded'));
  expect(await shownName(serving)).toBe('renewed');
  await stream.exchange('2');
  expect(await stream.end()).toBe('complete');
  expect(await serving.metric('millrace_config_last_reload_successful')).toBe(1);
});

test('a certificate without its key is refused and counted, and is used once its key is there', async () => {
  const serving = await tlsService({ prepare: (certificates) => certificates.signed('renewed', 'ca', forHere) });
  serving.install('renewed', ['cert']);
  await until(() => said(serving, 'configuration not reloaded'));
  expect(serving.log).toContainEqual(
    expect.objectContaining({
      path: 'server.tls.key',
      line: 2,
      msg: expect.stringMatching(/millrace\.yaml:2:\d+ server\.tls\.key: it is not the private key of tls\.cert/),
    }),
  );
  expect(await shownName(serving)).toBe('here');
  expect(await serving.metric('millrace_config_last_reload_successful')).toBe(0);
  serving.install('renewed', ['key']);
  await until(() => said(serving, 'configuration reloaded'));
  expect(await shownName(serving)).toBe('renewed');
  expect(await serving.metric('millrace_config_last_reload_successful')).toBe(1);
});

test('a mistake in the configuration does not keep a renewed certificate out', async () => {
  const serving = await tlsService({ prepare: (certificates) => certificates.signed('renewed', 'ca', forHere) });
  serving.write('millrace.yaml', 'server: { tls: { cert: tls.crt } }');
  await until(() => said(serving, 'configuration not reloaded'));
  serving.install('renewed');
  await until(async () => (await shownName(serving)) === 'renewed');
  expect(await serving.metric('millrace_config_last_reload_successful')).toBe(0);
});

test('turning TLS on or off needs a restart, and so does clientCa', async () => {
  const serving = await tlsService({ server: ', watch: false' });
  const reload = async (): Promise<unknown> =>
    JSON.parse((await serving.admin('/reload', { ...serving.client(), method: 'POST' })).body);
  const { certificates } = serving;
  certificates.authority('clients').copy('clients.crt', serving.path('clients.crt'));
  serving.write('millrace.yaml', configuration(1, ', clientCa: clients.crt', ', watch: false'));
  expect(await reload()).toMatchObject({ reloaded: true, restart: ['server.tls.clientCa'] });
  // Clients need no certificate before the restart.
  expect(await shownName(serving)).toBe('here');
  serving.write('millrace.yaml', configuration(1, '', ', watch: false').replace(/ tls: \{[^}]*\},/, ''));
  expect(await reload()).toMatchObject({ reloaded: true, restart: ['server.tls'] });
  expect(await shownName(serving)).toBe('here');
});

test('100 rotations of the certificate harm none of 50 running streams', { timeout: 60_000 }, async () => {
  const serving = await tlsService({
    server: ', watch: false',
    prepare: (certificates) => certificates.signed('renewed', 'ca', forHere),
  });
  const streams = await Promise.all(Array.from({ length: 50 }, () => openStream(serving)));
  for (let rotation = 0; rotation < 100; rotation += 1) {
    const name = rotation % 2 === 0 ? 'renewed' : 'here';
    serving.install(name);
    const [answer] = await Promise.all([
      serving.admin('/reload', { ...serving.client(), method: 'POST' }),
      ...streams.map((stream, index) => stream.exchange(`${rotation}-${index}`)),
    ]);
    expect(answer.status).toBe(200);
    expect(await shownName(serving)).toBe(name);
  }
  expect(await Promise.all(streams.map((stream) => stream.end()))).toEqual(streams.map(() => 'complete'));
});
