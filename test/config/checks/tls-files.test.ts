import { afterAll, expect, test } from 'vitest';
import { load, complaints } from '../loading.ts';
import { invalidTimes } from '../../../src/config/tls-files.ts';
import { Certificates } from '../../connectors/http/tls/certificates.ts';

const certificates = new Certificates().authority('ca').signed('here', 'ca', '').signed('other', 'ca', '', 3);
afterAll(() => certificates.remove());

const pem = (file: string): string => certificates.pem(file).toString();

const text = (tls: string): string => `
server: { tls: ${tls} }
lookups: { a: { http: { url: "http://127.0.0.1:9/{k}" } } }
pipelines: { p: { enrich: [{ lookup: a, with: { k: /k }, into: /a }] } }
`;

const pair = { 'tls.crt': pem('here.crt'), 'tls.key': pem('here.key') };

test('the files of server.tls are read, with the paths from the folder of the configuration', () => {
  const bundle = pem('ca.crt') + pem('other.crt');
  const files = { ...pair, 'clients.crt': bundle };
  const { tls, files: watched } = load(text('{ cert: tls.crt, key: ./tls.key, clientCa: clients.crt }'), { files });
  expect(tls).toMatchObject({ cert: pair['tls.crt'], key: pair['tls.key'], clientCa: bundle });
  expect([...watched.keys()].map((file) => file.replace(/.*\//, ''))).toEqual(
    expect.arrayContaining(['tls.crt', 'tls.key', 'clients.crt']),
  );
  expect(load(text('{ cert: tls.crt, key: tls.key }'), { files: pair }).tls?.clientCa).toBeUndefined();
});

const damaged = pem('ca.crt').replace(/\n(?=-----END)/, '\nAAAA\n');

test.each([
  [
    '{ cert: no.crt, key: tls.key }',
    {},
    [
      /^millrace\.yaml:2:24 server\.tls\.cert: the file cannot be read \(ENOENT.*correct the path or the rights: no\.crt$/,
    ],
  ],
  [
    '{ cert: tls.crt, key: tls.crt }',
    {},
    [
      /^millrace\.yaml:2:38 server\.tls\.key: expected a file of a private key in PEM form, without a passphrase \(.*\): tls\.crt$/,
    ],
  ],
  [
    '{ cert: tls.key, key: tls.key }',
    {},
    [/server\.tls\.cert: expected a file of certificates in PEM form \(it has no certificate\): tls\.key$/],
  ],
  [
    '{ cert: tls.crt, key: other.key }',
    { 'other.key': pem('other.key') },
    [/server\.tls\.key: it is not the private key of tls\.cert \(tls\.crt\), .*: other\.key$/],
  ],
  [
    '{ cert: chain.crt, key: tls.key }',
    { 'chain.crt': pem('ca.crt') + pem('here.crt') },
    [/whose first certificate has to be that of the service: tls\.key$/],
  ],
  [
    '{ cert: tls.crt, key: tls.key, clientCa: empty.crt }',
    { 'empty.crt': '# nothing\n' },
    [
      /^millrace\.yaml:2:57 server\.tls\.clientCa: expected a file of certificates in PEM form \(it has no certificate\): empty\.crt$/,
    ],
  ],
  [
    '{ cert: tls.crt, key: tls.key, clientCa: bad.crt }',
    { 'bad.crt': pem('ca.crt') + damaged },
    [/server\.tls\.clientCa: expected a file of certificates in PEM form \(.*\): bad\.crt$/],
  ],
  ['{ cert: no.crt, key: no.key, clientCa: no.ca }', {}, [/tls\.cert:/, /tls\.key:/, /tls\.clientCa:/]],
  [
    '{ cert: tls.crt }',
    {},
    [/^millrace\.yaml:2:11 server\.tls\.key: missing; expected the path of a file with a private key/],
  ],
  ['{ cert: tls.crt, key: tls.key, ca: x }', {}, [/server\.tls\.ca: unknown key/]],
])('%s is refused with the place and the reason', (tls, files, expected) => {
  expect(complaints(text(tls), { files: { ...pair, ...files } })).toEqual(
    expected.map((pattern) => expect.stringMatching(pattern)),
  );
});

test('times outside the validity are reported, for cert by its first certificate, for clientCa by its last', () => {
  const files = {
    ...pair,
    'chain.crt': pair['tls.crt'] + pem('ca.crt'),
    'clients.crt': pem('ca.crt') + pem('other.crt'),
  };
  const { tls } = load(text('{ cert: chain.crt, key: tls.key, clientCa: clients.crt }'), { files });
  if (tls === undefined) throw new Error('no files');
  const { cert, clientCa } = tls.validity;
  const day = 86_400_000;
  expect(cert.toMs - cert.fromMs).toBe(day);
  expect((clientCa?.toMs ?? 0) - cert.fromMs).toBeGreaterThanOrEqual(3 * day);
  const at = (ms: number): string[] =>
    invalidTimes(tls, ms).map(({ path, message }) => `${path.join('.')}: ${message}`);
  expect(at(cert.fromMs)).toEqual([]);
  expect(at(cert.toMs)).toEqual([]);
  expect(at(cert.toMs + 1)).toEqual([
    `server.tls.cert: a certificate of it expired at ${new Date(cert.toMs).toISOString()}; renew it`,
  ]);
  expect(at(cert.fromMs - day * 40)).toEqual([
    expect.stringMatching(/^server\.tls\.cert: a certificate of it is not valid before .*; check the clock/),
    expect.stringMatching(/^server\.tls\.clientCa: a certificate of it is not valid before/),
  ]);
  expect(at((clientCa?.toMs ?? 0) + 1)[1]).toMatch(/^server\.tls\.clientCa: a certificate of it expired/);
});
