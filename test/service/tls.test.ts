import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { text } from 'node:stream/consumers';
import { connect as tlsConnect } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { enriched, records } from '../http/start.ts';
import { tlsService, type TlsService } from './tls-service.ts';
import { startInProcess } from './in-process.ts';

const run = promisify(execFile);

/** What `curl` prints, or its exit code. */
async function curl(...args: readonly string[]): Promise<string | number> {
  try {
    return (await run('curl', ['-sS', ...args])).stdout;
  } catch (error) {
    return (error as { code: number }).code;
  }
}

const caOf = ({ certificates }: TlsService): string => join(certificates.folder, 'ca.crt');

const openWithClientCa = (): Promise<TlsService> =>
  tlsService({
    tls: ', clientCa: clients.crt',
    prepare(certificates, folder) {
      certificates.authority('clients').signed('client', 'clients', 'basicConstraints=CA:FALSE');
      certificates.authority('others').signed('stranger', 'others', 'basicConstraints=CA:FALSE');
      certificates.copy('clients.crt', join(folder, 'clients.crt'));
    },
  });

describe('with server.tls', () => {
  test('curl, Python and fetch that trust the certificate get their records on the public listener', async () => {
    const serving = await tlsService();
    const { service } = serving;
    expect(service.url).toMatch(/^https:/);
    const url = `${service.url}/v1/enrich/test`;
    expect(await curl('--cacert', caOf(serving), '--data-binary', records(1, 2), url)).toBe(enriched(1, 2));
    const script = `
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[1])
request = urllib.request.Request(sys.argv[2], data=sys.argv[3].encode(), headers={'Content-Type': 'application/x-ndjson'})
print(urllib.request.urlopen(request, context=context).read().decode(), end='')
`;
    expect((await run('python3', ['-c', script, caOf(serving), url, records(3)])).stdout).toBe(enriched(3));
    const answered = await serving.answer(url, serving.client(), records(4));
    expect(answered).toMatchObject({ status: 200, body: enriched(4), trailers: { 'millrace-status': 'complete' } });
  });

  test('a client that does not trust the certificate refuses it, and the handshake is counted', async () => {
    const serving = await tlsService();
    expect(await curl(`${serving.service.url}/v1/pipelines`)).toBe(60);
    expect(await serving.metric('millrace_tls_handshakes_failed_total{reason="refused_by_client"}')).toBe(1);
  });

  test('both listeners answer plain HTTP with a problem that says to use https', async () => {
    const { service } = await tlsService();
    for (const { host } of [new URL(service.url), new URL(service.adminUrl)]) {
      const answer = String(await curl('-i', `http://${host}/livez`));
      expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect(answer).toContain('this port speaks TLS, and the request is plain HTTP: use https://');
    }
  });

  test('TLS 1.1 and a protocol that is not HTTP are refused; HTTP/2 is preferred, whatever the order', async () => {
    const serving = await tlsService();
    const { port } = serving;
    const { ca } = serving.client();
    for (const options of [
      { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const,
      { ALPNProtocols: ['spdy/3'] },
    ]) {
      const socket = tlsConnect({ port, host: '127.0.0.1', ca: ca, ...options });
      await expect(once(socket, 'secureConnect')).rejects.toThrow(/alert/);
    }
    for (const [offered, chosen] of [
      [['http/1.1', 'h2'], 'h2'],
      [['h2', 'http/1.1'], 'h2'],
      [['http/1.1'], 'http/1.1'],
      [undefined, false],
    ] as const) {
      const socket = tlsConnect({ port, host: '127.0.0.1', ca, ...(offered && { ALPNProtocols: [...offered] }) });
      await once(socket, 'secureConnect');
      expect([socket.alpnProtocol, socket.getProtocol()]).toEqual([chosen, 'TLSv1.3']);
      socket.destroy();
    }
    expect(await serving.metric('millrace_tls_handshakes_failed_total{reason="protocol"}')).toBe(2);
  });

  test('the metrics and the state say when the certificate expires', async () => {
    const serving = await tlsService();
    const inADay = Date.now() / 1000 + 86_400;
    const notAfter = await serving.metric('millrace_tls_certificate_not_after_seconds{file="cert"}');
    expect(Math.abs(notAfter - inADay)).toBeLessThan(600);
    expect(JSON.parse((await serving.admin('/state')).body)).toMatchObject({
      tls: { notAfterMs: { cert: notAfter * 1000, clientCa: null }, failedHandshakes: { timeout: 0 } },
    });
  });
});

test('without server.tls a client that begins TLS gets a problem that says to use http', async () => {
  const { port, admin } = await startInProcess(
    { far: { http: { url: 'http://127.0.0.1:9/' } } },
    { enrich: [{ lookup: 'far', into: '/answer' }] },
  );
  const socket = connect(port, '127.0.0.1');
  // The begin of a ClientHello.
  socket.write(Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00]));
  expect(await text(socket)).toContain('this port speaks plain HTTP, and the client began TLS: use http://');
  expect((await (await fetch(`${admin.url}/metrics`)).text()).includes('millrace_tls_handshakes_failed_total{')).toBe(
    false,
  );
});

describe('with server.tls.clientCa', () => {
  test('the public listener serves a client with a certificate of that authority, and no other', async () => {
    const serving = await openWithClientCa();
    const url = `${serving.service.url}/v1/enrich/test`;
    const { folder } = serving.certificates;
    const as = (name: string): string[] => [
      '--cert',
      join(folder, `${name}.crt`),
      '--key',
      join(folder, `${name}.key`),
    ];
    const body = ['--data-binary', records(1)];
    expect(await curl('--cacert', caOf(serving), ...as('client'), ...body, url)).toBe(enriched(1));
    expect(await curl('--cacert', caOf(serving), ...body, url)).toBeGreaterThan(0);
    expect(await curl('--cacert', caOf(serving), ...as('stranger'), ...body, url)).toBeGreaterThan(0);
    expect(serving.downstream.calls).toBe(1);
    const metric = 'millrace_tls_handshakes_failed_total{reason="client_certificate"}';
    expect(await serving.metric(metric, serving.client('client'))).toBe(2);
  });

  test('the admin listener answers probes without a certificate, and every other route only with one', async () => {
    const serving = await openWithClientCa();
    // A kubelet checks nothing.
    expect(await serving.admin('/livez', { rejectUnauthorized: false })).toMatchObject({ status: 200 });
    expect(await serving.admin('/readyz', { rejectUnauthorized: false })).toMatchObject({ status: 200 });
    for (const path of ['/metrics', '/state', '/reload', '/', '/livez/', '/%6civez/x', '/livez/../state']) {
      for (const name of [undefined, 'stranger']) {
        const { status, body } = await serving.admin(path, serving.client(name));
        expect([path, status, JSON.parse(body).code]).toEqual([path, 403, 'certificate_required']);
        expect(body).toContain(
          name === undefined ? 'the client shows no certificate' : 'was not issued by an authority',
        );
      }
    }
    const reload = { ...serving.client(), method: 'POST' };
    expect(await serving.admin('/reload', reload)).toMatchObject({ status: 403 });
    expect(await serving.admin('/reload', { ...serving.client('client'), method: 'POST' })).toMatchObject({
      status: 200,
    });
    expect(await serving.admin('/state', serving.client('client'))).toMatchObject({ status: 200 });
  });
});
