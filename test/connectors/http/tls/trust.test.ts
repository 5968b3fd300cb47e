import { writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer, type ServerOptions } from 'node:https';
import { join } from 'node:path';
import { createServer as createServerOfTls, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Cancellation } from '../../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../../src/core/errors.ts';
import { http } from '../../../../src/connectors/http/http.ts';
import { httpOptions } from '../../../../src/connectors/http/http-options.ts';
import type { Answer } from '../../../../src/lookup/lookup.ts';
import { Heard, httpEnd, listen, runtimeFor } from '../far-end.ts';
import { Certificates } from './certificates.ts';
import { OpensslServer } from './openssl-server.ts';

let files: Certificates;

beforeAll(() => {
  files = new Certificates()
    .authority('ca')
    .authority('other-ca')
    .signed('server', 'ca', 'subjectAltName=IP:127.0.0.1')
    .signed('elsewhere', 'ca', 'subjectAltName=DNS:elsewhere.example')
    .signed('expired', 'ca', 'subjectAltName=IP:127.0.0.1', -1)
    .signed('client', 'ca', 'extendedKeyUsage=clientAuth')
    .signed('expired-client', 'ca', 'extendedKeyUsage=clientAuth', -1)
    .signed('stranger', 'other-ca', 'extendedKeyUsage=clientAuth');
});

afterAll(() => files.remove());

/** A server that answers with the name in the caller's certificate. */
async function tlsEnd(certificate: string, options: ServerOptions = {}): Promise<string> {
  const server = createServer({ ...files.shown(certificate), ...options }, ({ socket }, response) => {
    const caller = socket instanceof TLSSocket ? socket.getPeerCertificate().subject : undefined;
    response.end(JSON.stringify({ caller: caller?.CN ?? null }));
  });
  const { origin } = await listen(server);
  return origin.replace('http:', 'https:');
}

const asksForCertificate = (): ServerOptions => ({ ca: files.pem('ca.crt'), requestCert: true });

async function ask(url: string, tls: object, more: object = {}): Promise<Answer | RecordError> {
  const connector = http.create(httpOptions.parse({ url, tls, ...more }), runtimeFor(new Heard(), files.folder));
  await connector.open();
  onTestFinished(() => connector.close());
  try {
    return await connector.call({}, new Cancellation());
  } catch (error) {
    return RecordError.from(error);
  }
}

const shows = (name: string): object => ({ ca: 'ca.crt', cert: `${name}.crt`, key: `${name}.key` });
const untrusted = /^cannot connect to https:\S+ its authority is not trusted: set tls\.ca \(/;

const alerts =
  (...args: readonly string[]) =>
  async (): Promise<string> => {
    const shown = ['-cert', 'server.crt', '-key', 'server.key', '-CAfile', 'ca.crt'];
    return (await OpensslServer.start([...shown, ...args], files.folder)).origin;
  };
const verifies = ['-Verify', '1', '-verify_return_error'];

describe.each(['lean', 'undici'])('an HTTP lookup over TLS, with client: %s', (client) => {
  test('trusts the authority of tls.ca', async () => {
    const url = await tlsEnd('server');
    expect(await ask(url, { ca: 'ca.crt' }, { client })).toMatchObject({ json: '{"caller":null}' });
  });

  test('shows the certificate of tls.cert and tls.key to a server that requests one', async () => {
    const url = await tlsEnd('server', asksForCertificate());
    expect(await ask(url, shows('client'), { client })).toMatchObject({ json: '{"caller":"client"}' });
  });

  test.each<[what: string, start: () => Promise<string>, tls: object, message: RegExp]>([
    ['of another authority than that of tls.ca', () => tlsEnd('server'), { ca: 'other-ca.crt' }, untrusted],
    ['of an unknown authority, without tls.ca', () => tlsEnd('server'), {}, untrusted],
    [
      'that has expired',
      () => tlsEnd('expired'),
      { ca: 'ca.crt' },
      /^cannot connect to https:\S+ its certificate has expired \(CERT_HAS_EXPIRED/,
    ],
    [
      'of another host, and says whose it is',
      () => tlsEnd('elsewhere'),
      { ca: 'ca.crt' },
      /^cannot connect to https:\S+ its certificate is for another host \(ERR_TLS_CERT_ALTNAME_INVALID.*127\.0\.0\.1/,
    ],
  ])('refuses a certificate %s', async (_, start, tls, message) => {
    const failure = await ask(await start(), tls, { client });
    expect(failure).toMatchObject({ code: 'unreachable', details: { lookup: 'airport' } });
    expect(failure).toMatchObject({ message: expect.stringMatching(message) });
  });

  test.each<[what: string, start: () => Promise<string>, tls: object, message: RegExp]>([
    [
      'wants a certificate and gets none',
      alerts(...verifies, '-tls1_3'),
      { ca: 'ca.crt' },
      /^cannot connect to https:\S+ it asks for a certificate: set tls\.cert and tls\.key \(ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: tlsv13 alert certificate required\)$/,
    ],
    [
      'wants a certificate and gets none (TLS 1.2)',
      alerts(...verifies, '-tls1_2'),
      { ca: 'ca.crt' },
      /^cannot connect to https:\S+ it may ask for a certificate: see tls\.cert and tls\.key \(/,
    ],
    [
      'gets a certificate of an unknown authority',
      alerts(...verifies, '-tls1_3'),
      shows('stranger'),
      /^cannot connect to https:\S+ it does not accept the certificate of tls\.cert \(/,
    ],
    [
      'gets an expired certificate',
      alerts(...verifies, '-tls1_2'),
      shows('expired-client'),
      /^cannot connect to https:\S+ it does not accept the certificate of tls\.cert \(/,
    ],
    [
      'speaks only TLS 1.1',
      alerts('-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'),
      { ca: 'ca.crt' },
      /^cannot connect to https:\S+ it speaks neither TLS 1\.2 nor TLS 1\.3 \(ERR_SSL_\w+: tlsv1 alert protocol version\)$/,
    ],
    [
      'does not speak TLS',
      async () => (await httpEnd((_request, response) => response.end('{}'))).origin.replace('http:', 'https:'),
      {},
      /^cannot connect to https:\S+ it does not speak TLS there \(ERR_SSL_WRONG_VERSION_NUMBER: wrong version number\)$/,
    ],
    [
      'speaks HTTP/2 alone',
      async () => {
        const shown = files.shown('server');
        const { origin } = await listen(createServerOfTls({ ...shown, ALPNProtocols: ['h2'] }));
        return origin.replace('http:', 'https:');
      },
      { ca: 'ca.crt' },
      /^cannot connect to https:\S+ it does not speak HTTP\/1\.1 there: see http2 \(/,
    ],
  ])('is unreachable, and the message says why, if the server %s', async (_, start, tls, message) => {
    const failure = await ask(await start(), tls, { client });
    expect(failure).toMatchObject({ code: 'unreachable', details: { lookup: 'airport' } });
    expect(failure).toMatchObject({ message: expect.stringMatching(message) });
  });
});

test('a lookup over TLS uses HTTP/2 if http2 is set and the server offers it', async () => {
  const versions: string[] = [];
  const server = createSecureServer(files.shown('server'), (request, response) => {
    versions.push(request.httpVersion);
    response.end('7');
  });
  const { origin } = await listen(server);
  const url = origin.replace('http:', 'https:');
  expect(await ask(url, { ca: 'ca.crt' }, { http2: true })).toMatchObject({ json: '7' });
  expect(versions).toEqual(['2.0']);
});

const ask443 = (tls: object): Promise<unknown> => ask('https://127.0.0.1/', tls);

describe('a lookup over TLS does not open, and says why,', () => {
  test.each(['ca', 'cert', 'key'])('if the file of tls.%s cannot be read', async (part) => {
    await expect(ask443({ ...shows('client'), [part]: 'nowhere.pem' })).rejects.toThrow(
      `lookup "airport": tls.${part} cannot be read: nowhere.pem`,
    );
  });

  test.each<[part: string, what: string, content: () => string]>([
    ['ca', 'certificates in PEM form', () => ''],
    ['ca', 'certificates in PEM form', () => text('ca.key')],
    ['ca', 'certificates in PEM form', () => `${text('ca.crt')}${text('other-ca.crt').slice(0, 300)}`],
    ['cert', 'a certificate in PEM form', () => text('client.key')],
    ['key', 'a private key in PEM form, without a passphrase', () => text('client.crt')],
  ])('if the file of tls.%s is not a file of %s', async (part, what, content) => {
    writeFileSync(join(files.folder, 'wrong.pem'), content());
    await expect(ask443({ ...shows('client'), [part]: 'wrong.pem' })).rejects.toThrow(
      `lookup "airport": tls.${part} is not a file of ${what}: wrong.pem`,
    );
  });

  test('if tls.key is the key of another certificate', async () => {
    await expect(ask443({ ...shows('client'), key: 'server.key' })).rejects.toThrow(
      'lookup "airport": tls.key is not the private key of tls.cert: server.key',
    );
  });
});

const text = (file: string): string => files.pem(file).toString('latin1');
