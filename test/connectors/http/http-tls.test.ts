import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/call-context.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { http } from '../../../src/connectors/http/http.ts';
import { httpOptions } from '../../../src/connectors/http/http-options.ts';
import type { Answer } from '../../../src/lookup/lookup.ts';
import { Heard, listen, runtimeFor } from './far-end.ts';

/** Authorities, and certificates that they have signed: NAME.crt and NAME.key each. */
let folder = '';

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function authority(name: string): void {
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-days',
    '1',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
  );
}

function signed(name: string, by: string, extensions: string): void {
  writeFileSync(join(folder, `${name}.ext`), extensions);
  openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
  const signer = ['-CA', `${by}.crt`, '-CAkey', `${by}.key`, '-CAcreateserial'];
  openssl(
    'x509',
    '-req',
    '-days',
    '1',
    '-in',
    `${name}.csr`,
    ...signer,
    '-extfile',
    `${name}.ext`,
    '-out',
    `${name}.crt`,
  );
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
  authority('ca');
  authority('other-ca');
  signed('server', 'ca', 'subjectAltName=IP:127.0.0.1');
  signed('elsewhere', 'ca', 'subjectAltName=DNS:elsewhere.example');
  signed('client', 'ca', 'extendedKeyUsage=clientAuth');
  signed('stranger', 'other-ca', 'extendedKeyUsage=clientAuth');
});

afterAll(() => rmSync(folder, { recursive: true }));

const pem = (name: string): Buffer => readFileSync(join(folder, name));

/** A server that answers with the name in the caller's certificate. */
async function tlsEnd(certificate: string, clientCa?: string): Promise<string> {
  const server = createServer(
    {
      cert: pem(`${certificate}.crt`),
      key: pem(`${certificate}.key`),
      ...(clientCa === undefined ? {} : { ca: pem(clientCa), requestCert: true }),
    },
    ({ socket }, response) => {
      const caller = socket instanceof TLSSocket ? socket.getPeerCertificate().subject : undefined;
      response.end(JSON.stringify({ caller: caller?.CN ?? null }));
    },
  );
  const { origin } = await listen(server);
  return origin.replace('http:', 'https:');
}

async function ask(url: string, tls: object, more: object = {}): Promise<Answer | RecordError> {
  const connector = http.create(httpOptions.parse({ url, tls, ...more }), runtimeFor(new Heard(), folder));
  await connector.open();
  onTestFinished(() => connector.close());
  try {
    return await connector.call({}, new Cancellation());
  } catch (error) {
    return RecordError.from(error);
  }
}

describe('an HTTP lookup over TLS', () => {
  test('trusts the authority of tls.ca, and no other', async () => {
    const url = await tlsEnd('server');
    expect(await ask(url, { ca: 'ca.crt' })).toMatchObject({ json: '{"caller":null}' });
    expect(await ask(url, { ca: 'other-ca.crt' })).toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET_ISSUER|certificate signature failure/),
      details: { lookup: 'airport' },
    });
  });

  test('does not trust an unknown authority without tls.ca, and says why', async () => {
    expect(await ask(await tlsEnd('server'), {})).toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/unable to verify|self-signed|unable to get/i),
    });
  });

  test('refuses the certificate of another host, and says whose it is', async () => {
    expect(await ask(await tlsEnd('elsewhere'), { ca: 'ca.crt' })).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
    });
  });

  test('shows the certificate of tls.cert and tls.key to a server that requests one', async () => {
    const url = await tlsEnd('server', 'ca.crt');
    const client = { ca: 'ca.crt', cert: 'client.crt', key: 'client.key' };
    expect(await ask(url, client)).toMatchObject({ json: '{"caller":"client"}' });
  });

  test.each([
    ['none', { ca: 'ca.crt' }],
    ['one of an authority that the server does not know', { ca: 'ca.crt', cert: 'stranger.crt', key: 'stranger.key' }],
  ])('is unreachable if the server wants a certificate and gets %s', async (_, tls) => {
    const failure = await ask(await tlsEnd('server', 'ca.crt'), tls);
    expect(failure).toMatchObject({ code: 'unreachable', details: { lookup: 'airport' } });
  });

  test('uses HTTP/2 if http2 is set and the server offers it', async () => {
    const { createSecureServer } = await import('node:http2');
    const versions: string[] = [];
    const { origin } = await listen(
      createSecureServer({ cert: pem('server.crt'), key: pem('server.key') }, (request, response) => {
        versions.push(request.httpVersion);
        response.end('{}');
      }),
    );
    const url = origin.replace('http:', 'https:');
    expect(await ask(url, { ca: 'ca.crt' }, { http2: true })).toMatchObject({ json: '{}' });
    expect(versions).toEqual(['2.0']);
  });

  test.each(['ca', 'cert', 'key'])('does not open if the file of tls.%s cannot be read, and names it', async (part) => {
    await expect(
      ask('https://127.0.0.1/', { ca: 'ca.crt', cert: 'client.crt', key: 'client.key', [part]: 'nowhere.pem' }),
    ).rejects.toThrow(`lookup "airport": tls.${part} cannot be read: nowhere.pem`);
  });
});
