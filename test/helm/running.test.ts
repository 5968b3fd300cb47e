import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderOf, Millrace } from '../service/serving.ts';
import { cases, ownConfig } from './cases.ts';
import { at, type KubernetesObject, one, rendered, type Values } from './helm.ts';

/** A folder with the files of the ConfigMap, as they are mounted in the pod. */
function mounted(objects: readonly KubernetesObject[]): string {
  return folderOf(one(objects, 'ConfigMap')['data'] as Readonly<Record<string, string>>);
}

async function checked(values: Values): Promise<Millrace> {
  const folder = mounted(await rendered(values));
  const check = new Millrace(['check', '-c', join(folder, 'millrace.yaml')]);
  await check.ended;
  return check;
}

test('millrace check accepts the ConfigMap of the example, of files beside a text, and of values', async () => {
  const drained = { config: { server: { drainTimeout: '0', limits: { streams: 5 } } } };
  for (const check of await Promise.all([{}, cases['files beside a text'] ?? {}, drained].map(checked))) {
    expect(check.stderr).toMatch(/is valid/);
    expect(check.child.exitCode).toBe(0);
  }
});

test('millrace check accepts a configuration with secrets in files, and large numbers are kept', async () => {
  const secretMountPath = folderOf({ token: 'the-secret\n' });
  const config = JSON.parse(JSON.stringify(ownConfig).replace('/run/secrets/millrace', secretMountPath)) as object;
  const check = await checked({ config, existingSecret: 'crm', secretMountPath });
  expect(check.stderr).toMatch(/is valid/);
  expect(check.stdout).toContain('capacity: 1000000\n');
  expect(check.stdout).not.toContain('the-secret');
});

test('millrace check refuses a ConfigMap with a wrong configuration', async () => {
  const check = await checked({ configFile: 'pipelines: { orders: { enrich: [] } }' });
  expect(check.child.exitCode).toBe(78);
});

/** Starts what the pod runs: the command line and environment of its container, on free ports of loopback. */
async function started(values: Values) {
  const free = { bindAddress: '127.0.0.1', extraArgs: ['--port', '0', '--admin-port', '0'] };
  const objects = await rendered({ ...values, ...free });
  const container = at(one(objects, 'Deployment'), 'spec.template.spec.containers.0');
  const folder = mounted(objects);
  const args = (at(container, 'args') as readonly string[]).map((arg) => arg.replace('/etc/millrace', folder));
  // The pod has a volume there.
  const service = new Millrace(args, { env: { ...environmentOf(container), MILLRACE_SERVER_SPOOL_DIR: folder } });
  const listening = /listens on (http:\S+), admin on (http:[^\s;]+)/;
  const [, url = '', adminUrl = ''] = await service.says(listening);
  return { objects, container, service, url, adminUrl };
}

function environmentOf(container: unknown): Readonly<Record<string, string>> {
  const env = at(container, 'env') as readonly { readonly name: string; readonly value: string }[];
  return Object.fromEntries(env.map(({ name, value }) => [name, value]));
}

/** Runs the container of `helm test` against `url` instead of the Service: its exit code and its output. */
function tested(objects: readonly KubernetesObject[], url: string): Promise<readonly [code: number, output: string]> {
  const container = at(one(objects, 'Pod'), 'spec.containers.0');
  const { URL: serviceUrl = '', ...env } = environmentOf(container);
  const [, ...command] = at(container, 'command') as readonly string[];
  const args = [...command, ...(at(container, 'args') as readonly string[])];
  const all = { ...process.env, ...env, URL: serviceUrl.replace('http://test-millrace.streams:80', url) };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env: all }, (error, stdout, stderr) => {
      resolve([error === null ? 0 : Number(error.code), stdout + stderr]);
    });
  });
}

test('with the default values the service answers its probes, passes helm test, works as the notes say, and ends', async () => {
  const { objects, container, service, url, adminUrl } = await started({});
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    const { status } = await fetch(`${adminUrl}${String(at(container, `${probe}.httpGet.path`))}`);
    expect(status).toBe(200);
  }
  const [code, output] = await tested(objects, url);
  expect(output).toContain('{"origin":"DTW","originAirport":{"iata":"DTW"');
  expect(output).toContain('{"origin":"LAS","originAirport":{"iata":"LAS"');
  expect(code).toBe(0);
  expect(await curled(url)).toMatch(/^\{"origin":"DTW","said":"it's","originAirport":\{"iata":"DTW".*\}\}\n$/);
  service.child.kill('SIGTERM');
  expect(await service.ended).toEqual([0, null]);
});

test('helm test fails if one of its own records fails, or if the pipeline does not exist', async () => {
  const { objects, url } = await started(cases['files beside a text'] ?? {});
  const [code, output] = await tested(objects, url);
  // The chart knows nothing about this pipeline, so it gets two empty records, which may fail.
  expect(output.match(/"code":"missing_argument"/g)).toHaveLength(2);
  expect(code).toBe(0);
  const records = { ...cases['files beside a text'], tests: { records: [{ customerId: '7' }, { no: 'customer' }] } };
  expect(await tested(await rendered(records), url)).toEqual([1, expect.stringContaining('a record failed')]);
  const elsewhere = await rendered({ tests: { pipeline: 'other' } });
  expect(await tested(elsewhere, url)).toEqual([1, expect.stringContaining('the status is 404, not 200')]);
});

/** The notes, rendered into an object, because Helm prints them only during an installation. */
async function notes(values: Values): Promise<string> {
  const data = '(dict "notes" (include "millrace.notes" .))';
  const object = `{{ dict "apiVersion" "v1" "kind" "ConfigMap" "metadata" (dict "name" "notes") "data" ${data} | toYaml }}`;
  return String(at(one(await rendered({ ...values, extraObjects: [object] }), 'ConfigMap', 'notes'), 'data.notes'));
}

/** The output of the command in the notes, run against `url` instead of the forwarded port. */
async function curled(url: string): Promise<string> {
  const text = await notes({ tests: { records: [{ origin: 'DTW', said: "it's" }] } });
  const command = /^ {2}printf [^]*?\n\n/m.exec(text)?.[0] ?? '';
  expect(command).toContain('curl -sSN -X POST -T - http://127.0.0.1:8080/v1/enrich/example');
  return new Promise((resolve) => {
    execFile('bash', ['-c', command.replace('http://127.0.0.1:8080', url)], (_, stdout) => resolve(stdout));
  });
}

test('the notes name what was installed', async () => {
  const hosts = ['a.example'];
  const text = await notes({ config: ownConfig, ingress: { enabled: true, hosts, tls: [{ hosts }] } });
  expect(text).toContain('kubectl --namespace streams port-forward service/test-millrace 8080:80');
  expect(text).toContain('/v1/enrich/orders');
  expect(text).toContain('https://a.example/');
  expect(text).not.toContain('It serves an example');
});
