import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { Certificates } from '../connectors/http/tls/certificates.ts';
import { folderOf, Millrace } from '../service/serving.ts';
import { at, helm, type KubernetesObject, one, refusal, rendered, root, type Values } from './helm.ts';
import { mistakes, unknownKeys } from './kubernetes.ts';
import { notRestricted } from './pod-security.ts';

// Building the dependency writes into the chart, so the test uses a copy.
const copy = mkdtempSync(join(tmpdir(), 'millrace-sidecar-'));
afterAll(() => rmSync(copy, { recursive: true }));
for (const name of ['helm/millrace-sidecar', 'examples/sidecar'])
  cpSync(join(root, name), join(copy, name), { recursive: true });
const from = join(copy, 'examples/sidecar');
const built = await helm(['dependency', 'build', from]);

const orders = (millrace: Values): Promise<readonly KubernetesObject[]> => rendered({ millrace }, { from });

const podOf = (objects: readonly KubernetesObject[]): unknown => at(one(objects, 'Deployment'), 'spec.template.spec');

const sidecarOf = (objects: readonly KubernetesObject[]): unknown => at(podOf(objects), 'initContainers.0');

const cases: Readonly<Record<string, Values>> = {
  'the default values': {},
  'with metrics': { metrics: true, adminPort: 9081, port: 9080 },
  'every option': {
    image: { repository: 'registry.example/millrace', digest: `sha256:${'0'.repeat(64)}` },
    existingConfigMap: 'mine',
    existingSecret: 'crm',
    extraEnv: [{ name: 'REGION', value: 'north' }],
    extraVolumeMounts: [{ name: 'app', mountPath: '/app' }],
  },
};

test('the example uses the library chart of this repository, at the version in its lock file', () => {
  expect(built).toMatchObject({ code: 0, stdout: expect.stringContaining('Saving 1 charts') as string });
});

test('every object of the example matches the schema of its kind, without unknown keys', async () => {
  const all = await Promise.all(Object.values(cases).map(orders));
  for (const object of all.flat()) expect([object.kind, await mistakes(object)]).toEqual([object.kind, '']);
  expect(await unknownKeys(all.flat())).toEqual([]);
});

test.each(Object.entries(cases))('%s: the sidecar is native, restricted, and has its volumes', async (_, values) => {
  const objects = await orders(values);
  const pod = podOf(objects);
  expect(notRestricted(pod)).toEqual([]);
  expect(at(sidecarOf(objects), 'restartPolicy')).toBe('Always');
  const volumes = (at(pod, 'volumes') as readonly { readonly name: string }[]).map(({ name }) => name);
  const mounts = at(sidecarOf(objects), 'volumeMounts') as readonly { readonly name: string }[];
  for (const { name } of mounts) expect(volumes).toContain(name);
});

test('a volume of the sidecar that is smaller than all that may be spooled is refused with a message', async () => {
  expect(await refusal({ millrace: { spool: { sizeLimit: '2Gi' } } }, from)).toContain(
    'millrace.spool.sizeLimit is 2Gi, but so much may be spooled that the volume overflows and the pod is evicted: millrace.config.server.limits.spoolTotalBytes is 8GiB; set millrace.spool.sizeLimit to more than that',
  );
});

test('the sidecar spools to a volume of its own, whose size is a value', async () => {
  for (const [values, sizeLimit] of [
    [{}, '10Gi'],
    [{ spool: { sizeLimit: '50Gi' }, extraEnv: [{ name: 'REGION', value: 'north' }] }, '50Gi'],
  ] as const) {
    const objects = await orders(values);
    expect(at(podOf(objects), 'volumes')).toContainEqual({ name: 'millrace-spool', emptyDir: { sizeLimit } });
    const sidecar = sidecarOf(objects);
    expect(at(sidecar, 'volumeMounts')).toContainEqual({ name: 'millrace-spool', mountPath: '/var/spool/millrace' });
    const env = [
      { name: 'MILLRACE_SERVER_SPOOL_DIR', value: '/var/spool/millrace' },
      ...((at(values, 'extraEnv') as []) ?? []),
    ];
    expect(at(sidecar, 'env')).toEqual(env);
  }
});

test('the admin listener is open to the kubelet with metrics, and only then', async () => {
  const closed = sidecarOf(await orders({}));
  expect(at(closed, 'args')).toEqual(expect.arrayContaining(['--host=127.0.0.1', '--admin-host=127.0.0.1']));
  expect(at(closed, 'ports')).toBeUndefined();
  expect(at(closed, 'startupProbe.exec')).toBeDefined();
  const open = sidecarOf(await orders({ metrics: true }));
  expect(at(open, 'args')).toEqual(expect.arrayContaining(['--host=127.0.0.1', '--admin-host=0.0.0.0']));
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    expect(at(open, `${probe}.httpGet.port`)).toBe(at(open, 'ports.0.name'));
  }
});

const checksum = async (values: Values) =>
  at(one(await orders(values), 'Deployment'), 'spec.template.metadata.annotations.checksum/millrace');

test('with server.tls the probes use HTTPS, and the one in the container exits with 0 when the service is ready', async () => {
  const folder = folderOf({});
  const certificates = new Certificates().authority('ca').signed('here', 'ca', '');
  onTestFinished(() => certificates.remove());
  for (const end of ['crt', 'key']) certificates.copy(`here.${end}`, join(folder, `tls.${end}`));
  const config = {
    server: { port: 0, admin: { port: 0 }, tls: { cert: 'tls.crt', key: 'tls.key' } },
    lookups: { far: { http: { url: 'http://127.0.0.1:9/' } } },
    pipelines: { test: { enrich: [{ lookup: 'far', into: '/a' }] } },
  };
  const open = sidecarOf(await orders({ metrics: true, config }));
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
    expect(at(open, `${probe}.httpGet.scheme`)).toBe('HTTPS');
  writeFileSync(join(folder, 'millrace.json'), JSON.stringify(config));
  const service = new Millrace(['serve', '-c', join(folder, 'millrace.json')]);
  const [, adminUrl = ''] = await service.says(/admin on (https:[^\s;]+)/);
  const [, ...script] = at(sidecarOf(await orders({ config })), 'startupProbe.exec.command') as readonly string[];
  const probed = (url: string): Promise<unknown> =>
    new Promise((resolve) => {
      const own = script.map((text) => text.replace('https://127.0.0.1:8081', url));
      execFile(process.execPath, own, (error) => resolve(error?.code ?? 0));
    });
  expect(await probed(adminUrl)).toBe(0);
  expect(await probed('https://127.0.0.1:9')).toBe(1);
});

test('a change of the configuration replaces the pods', async () => {
  const first = await checksum({});
  expect(await checksum({ port: 9080 })).toBe(first);
  expect(await checksum({ config: { pipelines: { orders: { capacity: 7 } } } })).not.toBe(first);
});

test.each([
  [{ prot: 9080 }, /prot.* not allowed/],
  [{ config: { pipelines: { orders: { mode: 'orderd' } } } }, /at '\/config\/pipelines\/orders\/mode'/],
  [{ config: null }, /set millrace.config, millrace.configFile or millrace.existingConfigMap/],
])('%j is refused with a message', async (millrace, message) => {
  expect(await refusal({ millrace }, from)).toMatch(message);
});

const exitCode = ([program = '', ...args]: readonly string[]): Promise<number> =>
  new Promise((resolve) => {
    execFile(program.replace(/^node$/, process.execPath), args, (error) =>
      resolve(error === null ? 0 : Number(error.code)),
    );
  });

/** Starts the sidecar of the example as it runs in the pod, on free ports, with the addresses that the image sets. */
async function besides(objects: readonly KubernetesObject[]) {
  const folder = folderOf(one(objects, 'ConfigMap', '-millrace')['data'] as Readonly<Record<string, string>>);
  const args = (at(sidecarOf(objects), 'args') as readonly string[]).map((arg) => arg.replace('/etc/millrace', folder));
  const env = { MILLRACE_SERVER_HOST: '0.0.0.0', MILLRACE_SERVER_ADMIN_HOST: '0.0.0.0' };
  const sidecar = new Millrace([...args, '--port', '0', '--admin-port', '0'], { env });
  const [, port = '', adminPort = ''] = await sidecar.says(
    /listens on http:\/\/127\.0\.0\.1:(\d+), admin on http:\/\/127\.0\.0\.1:(\d+)/,
  );
  return { sidecar, port, adminPort };
}

async function application(url: string): Promise<string> {
  const env = { ...process.env, MILLRACE_URL: url, PORT: '0' };
  const child = spawn(process.execPath, [join(from, 'app/orders.mjs')], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    const ended = once(child, 'exit');
    if (child.kill('SIGTERM')) await ended;
  });
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return `http://127.0.0.1:${/on (\d+)/.exec(chunk.toString())?.[1]}`;
}

test('the application answers orders with their customers, as its README says, and starts when the sidecar is ready', async () => {
  const objects = await orders({});
  const { sidecar, port, adminPort } = await besides(objects);
  const probe = at(sidecarOf(objects), 'startupProbe.exec.command') as readonly string[];
  expect(await exitCode(probe.map((part) => part.replace('8081', adminPort)))).toBe(0);

  const readme = readFileSync(join(root, 'examples/sidecar/README.md'), 'utf8');
  const [, records = '', promised = ''] = /printf '%s\\n' (.*?) \|[^]*```json\n([^]*?)```/.exec(readme) ?? [];
  const body = records.replaceAll("' '", '\n').replaceAll("'", '');
  const url = await application(`http://127.0.0.1:${port}`);
  const answer = await fetch(`${url}/orders`, { method: 'POST', body });
  expect(await answer.text()).toBe(promised);

  sidecar.child.kill('SIGTERM');
  expect(await sidecar.ended).toEqual([0, null]);
  expect(await exitCode(probe.map((part) => part.replace('8081', adminPort)))).toBe(1);
});
