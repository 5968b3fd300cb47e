import { execFile } from 'node:child_process';
import { request } from 'node:https';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Certificates } from '../connectors/http/tls/certificates.ts';
import { folderOf, Millrace } from '../service/serving.ts';
import { cases } from './cases.ts';
import { at, type KubernetesObject, one, refusal, rendered, template, type Values } from './helm.ts';

const container = (objects: readonly KubernetesObject[]): unknown =>
  at(one(objects, 'Deployment'), 'spec.template.spec.containers.0');

const environmentOf = (from: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (at(from, 'env') as readonly { readonly name: string; readonly value: string }[]).map(({ name, value }) => [
      name,
      value,
    ]),
  );

/** The Secrets of the values, mounted as the pods have them. */
function certificatesIn(mountPath: string): Certificates {
  const files = new Certificates();
  onTestFinished(() => files.remove());
  files.authority('ca').signed('here', 'ca', 'subjectAltName=DNS:test-millrace.streams,IP:127.0.0.1');
  files.authority('clients').signed('client', 'clients', 'basicConstraints=CA:FALSE');
  const mounts = {
    'server/tls.crt': 'here.crt',
    'server/tls.key': 'here.key',
    'server/ca.crt': 'ca.crt',
    'clients/ca.crt': 'clients.crt',
    'client/tls.crt': 'client.crt',
    'client/tls.key': 'client.key',
  };
  for (const folder of ['server', 'clients', 'client']) mkdirSync(join(mountPath, folder), { recursive: true });
  for (const [to, from] of Object.entries(mounts)) files.copy(from, join(mountPath, to));
  return files;
}

async function statusOf(url: string): Promise<number | undefined> {
  // A kubelet does not check the certificate.
  const sent = request(url, { rejectUnauthorized: false, agent: false }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

test('with TLS, client certificates and tokens the pod answers its probes and passes helm test, and no other client', async () => {
  const mountPath = folderOf({});
  const files = certificatesIn(mountPath);
  const secretMountPath = folderOf({ client: 'client-token-0123456789', admin: 'admin-token-0123456789' });
  const config = {
    server: {
      allowedHosts: ['test-millrace.streams', '127.0.0.1'],
      auth: { bearerTokens: [`\${file:${secretMountPath}/client}`] },
      admin: { auth: { bearerTokens: [`\${file:${secretMountPath}/admin}`] } },
    },
  };
  const values: Values = {
    tls: { secretName: 'millrace-tls', mountPath, clientCa: { secretName: 'clients' } },
    config,
    existingSecret: 'tokens',
    secretMountPath,
    bindAddress: '127.0.0.1',
    extraArgs: ['--port', '0', '--admin-port', '0'],
    tests: { clientSecretName: 'test-client', tokenSecret: { name: 'tokens', key: 'client' } },
  };
  const objects = await rendered(values);
  const pod = container(objects);
  const folder = folderOf(one(objects, 'ConfigMap')['data'] as Readonly<Record<string, string>>);
  const args = (at(pod, 'args') as readonly string[]).map((arg) => arg.replace('/etc/millrace', folder));
  // The pod has a volume there.
  const service = new Millrace(args, { env: { ...environmentOf(pod), MILLRACE_SERVER_SPOOL_DIR: folder } });
  const [, url = '', adminUrl = ''] = await service.says(/listens on (https:\S+), admin on (https:[^\s;]+)/);
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    const { path, scheme } = at(pod, `${probe}.httpGet`) as { path: string; scheme: string };
    expect([scheme, await statusOf(adminUrl + path)]).toEqual(['HTTPS', 200]);
  }
  expect(await statusOf(`${adminUrl}/metrics`)).toBe(403);

  const tested = one(objects, 'Pod');
  const { URL: serviceUrl = '', ...env } = environmentOf(at(tested, 'spec.containers.0'));
  expect(serviceUrl).toMatch(/^https:\/\/test-millrace\.streams:80\/v1\/enrich\/example$/);
  expect(at(tested, 'spec.volumes')).toEqual([
    {
      name: 'server',
      secret: {
        secretName: 'millrace-tls',
        items: [
          { key: 'tls.crt', path: 'tls.crt' },
          { key: 'ca.crt', path: 'ca.crt' },
        ],
        optional: true,
        defaultMode: 0o440,
      },
    },
    { name: 'client', secret: { secretName: 'test-client', defaultMode: 0o440 } },
  ]);
  const [, ...command] = at(tested, 'spec.containers.0.command') as readonly string[];
  const script = [...command, ...(at(tested, 'spec.containers.0.args') as readonly string[])];
  const run = (TOKEN: string): Promise<readonly [unknown, string]> =>
    new Promise((resolve) => {
      const own = { TLS_FOLDER: mountPath, TOKEN, URL: serviceUrl.replace('https://test-millrace.streams:80', url) };
      execFile(process.execPath, script, { env: { ...process.env, ...env, ...own } }, (error, stdout, stderr) =>
        resolve([error?.code ?? 0, stdout + stderr]),
      );
    });
  expect(await run('client-token-0123456789\n')).toEqual([0, expect.stringContaining('"originAirport":{"iata":"DTW"')]);
  expect(await run('another-token-0123456789')).toEqual([1, expect.stringContaining('the status is 401')]);

  // The command of the notes, which Helm prints only during an installation, with the credentials of a client.
  const data = '(dict "notes" (include "millrace.notes" .))';
  const object = `{{ dict "apiVersion" "v1" "kind" "ConfigMap" "metadata" (dict "name" "notes") "data" ${data} | toYaml }}`;
  const printed = String(
    at(one(await rendered({ ...values, extraObjects: [object] }), 'ConfigMap', 'notes'), 'data.notes'),
  );
  expect(printed).toContain('add --cert tls.crt --key tls.key');
  const own = `--cert ${mountPath}/client/tls.crt --key ${mountPath}/client/tls.key -H 'Authorization: Bearer client-token-0123456789'`;
  const curl = (/^ {2}printf [^]*?\n\n/m.exec(printed)?.[0] ?? '')
    .replace('curl -sSN', `curl -sSN ${own}`)
    .replace('--cacert ca.crt', `--cacert ${join(files.folder, 'ca.crt')}`)
    .replace(':8080/', `:${new URL(url).port}/`);
  const noted = await new Promise((resolve) => {
    execFile('bash', ['-c', curl], (_, stdout, stderr) => resolve(stdout + stderr));
  });
  expect(noted).toMatch(/^\{"origin":"DTW","originAirport":\{"iata":"DTW"/);
});

test('the Certificate has the names under which the Services are reached, and the Secret that the pods mount', async () => {
  const objects = await rendered(cases['with TLS'] ?? {});
  expect(at(one(objects, 'Certificate'), 'spec')).toEqual({
    secretName: 'millrace-tls',
    issuerRef: { name: 'internal', kind: 'ClusterIssuer' },
    dnsNames: [
      'test-millrace',
      'test-millrace.streams',
      'test-millrace.streams.svc',
      'test-millrace.streams.svc.cluster.local',
      'test-millrace-admin',
      'test-millrace-admin.streams',
      'test-millrace-admin.streams.svc',
      'test-millrace-admin.streams.svc.cluster.local',
      'a.example',
    ],
    usages: ['digital signature', 'key encipherment', 'server auth'],
    privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' },
  });
  const volumes = at(one(objects, 'Deployment'), 'spec.template.spec.volumes') as readonly unknown[];
  expect(volumes).toContainEqual({ name: 'tls', secret: { secretName: 'millrace-tls', defaultMode: 0o440 } });
  expect(volumes).toContainEqual({
    name: 'client-ca',
    configMap: { name: 'trust', items: [{ key: 'bundle.pem', path: 'bundle.pem' }] },
  });
});

test('a monitor scrapes over https, with what the values add', async () => {
  const objects = await rendered(cases['with TLS'] ?? {});
  expect(at(one(objects, 'ServiceMonitor'), 'spec.endpoints.0')).toEqual({
    port: 'admin',
    path: '/metrics',
    scheme: 'https',
    tlsConfig: {
      ca: { secret: { name: 'millrace-tls', key: 'ca.crt' } },
      serverName: 'test-millrace.streams.svc',
      cert: { secret: { name: 'prometheus-client', key: 'tls.crt' } },
      keySecret: { name: 'prometheus-client', key: 'tls.key' },
    },
    authorization: { credentials: { name: 'crm', key: 'admin' } },
  });
  const pods = await rendered(cases['with TLS and pods that are scraped'] ?? {});
  expect(at(one(pods, 'PodMonitor'), 'spec.podMetricsEndpoints.0')).toMatchObject({ scheme: 'https' });
  expect(at(one(objects, 'Ingress'), 'metadata.annotations')).toMatchObject({
    'nginx.ingress.kubernetes.io/backend-protocol': 'HTTPS',
  });
  for (const { kind, ...service } of objects.filter((object) => object.kind === 'Service')) {
    expect([kind, at(service, 'spec.ports.0.appProtocol')]).toEqual(['Service', 'https']);
  }
});

test('a configuration with server.tls of its own has probes with HTTPS as well', async () => {
  const tls = { cert: '/tls/tls.crt', key: '/tls/tls.key' };
  const pod = container(await rendered({ config: { server: { tls } } }));
  expect(at(pod, 'readinessProbe.httpGet')).toEqual({ path: '/readyz', port: 'admin', scheme: 'HTTPS' });
});

test('without TLS nothing mentions it', async () => {
  const { stdout } = await template({
    serviceMonitor: { enabled: true },
    ingress: { enabled: true, hosts: ['a.example'] },
  });
  const objects = stdout.replaceAll(/args:\n {8}- \|[^]*?\n {6}env:/g, '');
  expect(objects).not.toMatch(/tls|HTTPS|appProtocol: https/i);
});

test.each([
  [{ certManager: { enabled: true, issuerRef: { name: 'a' } } }, 'tls.certManager needs tls.secretName'],
  [{ secretName: 'a', certManager: { enabled: true } }, 'and tls.certManager.issuerRef.name: set both'],
  [{ secretName: 'a', clientCa: { secretName: 'a', configMapName: 'b' } }, 'are both set: set only one'],
  [{ clientCa: { secretName: 'a' } }, 'tls.clientCa needs TLS: set tls.secretName'],
  [{ secretName: 'a', certManager: { enabled: true, issuerRef: { names: 'a' } } }, 'issuerRef'],
])('tls: %j is refused', async (tls, message) => {
  expect(await refusal({ tls })).toContain(message);
});

test('tls.secretName beside server.tls of the configuration is refused', async () => {
  const config = { server: { tls: { cert: 'a', key: 'b' } } };
  expect(await refusal({ tls: { secretName: 'a' }, config })).toContain('set only tls.secretName');
});
