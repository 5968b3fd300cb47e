import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { join } from 'node:path';
import { connect as tlsConnect, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { enriched, records } from '../http/start.ts';
import { folderOf, serveFolder } from './serving.ts';
import { forHere, type TlsService, tlsService } from './tls-service.ts';

const run = promisify(execFile);

function sessionTo(url: string, options: object = {}): ClientHttp2Session {
  const session = connect(url, options);
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  return session;
}

async function get(session: ClientHttp2Session, path: string): Promise<{ status: number; body: string }> {
  const stream = session.request({ ':path': path });
  stream.setEncoding('utf8');
  let body = '';
  stream.on('data', (chunk: string) => {
    body += chunk;
  });
  const [[head]] = (await Promise.all([once(stream, 'response'), once(stream, 'close')])) as [
    [IncomingHttpHeaders],
    unknown,
  ];
  return { status: Number(head[':status']), body };
}

/** Serial number of the certificate that a new connection gets. */
async function serial({ port }: TlsService, options: object): Promise<string> {
  const socket: TLSSocket = tlsConnect({ port, host: '127.0.0.1', ALPNProtocols: ['h2'], ...options });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

test('a renewed certificate is for new connections of HTTP/2, and a stream that is open goes on', async () => {
  const serving = await tlsService({ prepare: (certificates) => certificates.signed('renewed', 'ca', forHere) });
  const options = serving.client();
  const session = sessionTo(serving.service.url, options);
  const stream = session.request({ ':method': 'POST', ':path': '/v1/enrich/test' }, { endStream: false });
  stream.setEncoding('utf8');
  let received = '';
  stream.on('data', (text: string) => {
    received += text;
  });
  stream.write(records(1));
  await once(stream, 'data');
  const before = await serial(serving, options);
  serving.install('renewed');
  await serving.service.reload('SIGHUP');
  expect(await serial(serving, options)).not.toBe(before);
  stream.end(records(2));
  await once(stream, 'close');
  expect([stream.rstCode, received]).toEqual([0, enriched(1, 2)]);
  const curl = await run('curl', [
    '-sS',
    '--cacert',
    join(serving.certificates.folder, 'ca.crt'),
    '-w',
    '%{http_version}',
    `${serving.service.url}/v1/pipelines`,
  ]);
  expect(curl.stdout).toMatch(/\}2$/);
});

test('the admin listener speaks HTTP/2, and wants a client certificate except for its probes', async () => {
  const serving = await tlsService({
    tls: ', clientCa: clients.crt',
    prepare: (certificates, folder) => {
      certificates.authority('clients').signed('mine', 'clients', '');
      writeFileSync(join(folder, 'clients.crt'), certificates.pem('clients.crt'));
    },
  });
  const without = sessionTo(serving.service.adminUrl, serving.client());
  expect((await get(without, '/livez')).status).toBe(200);
  const refused = await get(without, '/metrics');
  expect([refused.status, JSON.parse(refused.body)]).toMatchObject([403, { code: 'certificate_required' }]);
  const shown = await get(sessionTo(serving.service.adminUrl, serving.client('mine')), '/metrics');
  expect([shown.status, shown.body]).toEqual([200, expect.stringContaining('millrace_connections')]);
});

test('a change of clientCa ends connections of HTTP/2 after the streams that are open', async () => {
  const serving = await tlsService({
    tls: ', clientCa: clients.crt',
    prepare: (certificates, folder) => {
      certificates.authority('clients').signed('mine', 'clients', '').authority('others');
      writeFileSync(join(folder, 'clients.crt'), certificates.pem('clients.crt'));
    },
  });
  const busy = sessionTo(serving.service.url, serving.client('mine'));
  const stream = busy.request({ ':method': 'POST', ':path': '/v1/enrich/test' }, { endStream: false });
  stream.setEncoding('utf8');
  stream.write(records(1));
  expect(await once(stream, 'data')).toEqual([enriched(1)]);
  const goaway = once(busy, 'goaway');
  serving.write('clients.crt', serving.certificates.pem('others.crt'));
  await serving.service.reload('SIGHUP');
  await goaway;
  const rest = once(stream, 'data');
  stream.end(records(2));
  expect(await rest).toEqual([enriched(2)]);
  await once(busy, 'close');
  expect(stream.rstCode).toBe(0);
});

describe('with limits.connections', () => {
  test('a connection over the limit gets 503 in the version of HTTP that its client speaks', async () => {
    const serving = await serveFolder(
      folderOf({
        'keys.csv': 'key,value\n1,one\n',
        'millrace.yaml': `
server: { limits: { connections: 1 } }
lookups: { far: { table: { file: keys.csv, key: key } } }
pipelines: { test: { enrich: [ { lookup: far, with: { key: /key }, into: /answer } ] } }`,
      }),
    );
    const session = sessionTo(serving.url);
    const streams = [1, 2].map(() =>
      session.request({ ':method': 'POST', ':path': '/v1/enrich/test' }, { endStream: false }),
    );
    for (const stream of streams) stream.write(records(1));
    // Both streams are on one connection, so the limit is reached and not exceeded.
    await Promise.all(streams.map((stream) => once(stream, 'data')));
    const refused = await get(sessionTo(serving.url), '/v1/pipelines');
    expect([refused.status, JSON.parse(refused.body)]).toMatchObject([503, { code: 'too_many_connections' }]);
    expect((await fetch(`${serving.url}/v1/pipelines`)).status).toBe(503);
    for (const stream of streams) stream.end();
    await Promise.all(streams.map((stream) => once(stream, 'close')));
    // The connection is idle now: it is closed for the next client.
    const goaway = once(session, 'close');
    expect((await get(sessionTo(serving.url), '/v1/pipelines')).status).toBe(200);
    await goaway;
  });
});
