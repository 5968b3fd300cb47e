import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { charts, chartSchema, withValues } from '../../scripts/chart.ts';
import { ownConfig } from './cases.ts';
import { at, chart, helm, refusal, root, template, type Values } from './helm.ts';

const read = (name: string, of = 'millrace'): string => readFileSync(join(chart, '..', of, name), 'utf8');

test.each(charts)('helm lint --strict finds no mistake in %s', async (name) => {
  const { code, stdout } = await helm(['lint', '--strict', join(chart, '..', name)]);
  expect(stdout).toContain('1 chart(s) linted, 0 chart(s) failed');
  expect(code).toBe(0);
});

test.each(charts)('values.schema.json and the table of values of %s match values.yaml (npm run chart)', (name) => {
  const values = read('values.yaml', name);
  expect(JSON.parse(read('values.schema.json', name))).toEqual(chartSchema(values));
  expect(withValues(read('README.md', name), values)).toBe(read('README.md', name));
});

test('the charts have the version of the package', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  for (const name of charts) expect(parse(read('Chart.yaml', name))).toMatchObject({ version, appVersion: version });
  expect(parse(read('values.yaml', 'millrace-sidecar'))).toMatchObject({ image: { tag: version } });
});

test.each([
  [{ replicas: 3 }, /replicas.* not allowed/],
  [{ image: { tags: 'v1' } }, /at '\/image'.*tags.* not allowed/],
  [{ replicaCount: 'three' }, /at '\/replicaCount'.*string/],
  [{ service: { type: 'Clusterip' } }, /at '\/service\/type'/],
  [{ ports: { http: 80 } }, /at '\/ports\/http'/],
  [{ httpRoute: { timeouts: { request: '0' } } }, /at '\/httpRoute\/timeouts\/request'/],
  [{ topologySpreadConstraints: [{ maxSkew: 1 }] }, /topologyKey/],
  [{ config: { ...ownConfig, pipeline: {} } }, /at '\/config'.*pipeline.* not allowed/],
  [{ config: { server: { drainTimout: '5s' } } }, /at '\/config\/server'.*drainTimout.* not allowed/],
  [{ config: { server: { drainTimeout: '5 seconds' } } }, /at '\/config\/server\/drainTimeout'/],
  [{ config: { pipelines: { a: { mode: 'orderd', enrich: [] } } } }, /at '\/config\/pipelines\/a\/mode'/],
])('%j is refused by the schema', async (values, message) => {
  expect(await refusal(values)).toMatch(message);
});

test('an unknown key is refused in every group of values', async () => {
  const groups = [...groupsOf(chartSchema(read('values.yaml')))];
  expect(groups.length).toBeGreaterThan(30);
  const message = await refusal(groups.reduce((values, path) => withUnknown(values, path), {}));
  for (const path of groups) expect(message).toContain(`- at '${path.map((step) => `/${step}`).join('')}'`);
});

function withSpool(sizeLimit: string, spoolTotalBytes: string | number): Values & { readonly config: object } {
  return { spool: { sizeLimit }, config: { ...ownConfig, server: { limits: { spoolTotalBytes } } } };
}

const both = { autoscaling: { enabled: true }, keda: { enabled: true, prometheus: { serverAddress: 'http://p' } } };
test.each([
  [both, 'autoscaling.enabled and keda.enabled are both true'],
  [{ autoscaling: { enabled: true, cpu: { averageUtilization: 0 } } }, 'autoscaling has no metric'],
  [{ keda: { enabled: true } }, 'keda has no trigger'],
  [{ serviceMonitor: { enabled: true }, podMonitor: { enabled: true } }, 'every sample would be counted twice'],
  [{ podDisruptionBudget: { minAvailable: 1 } }, 'exactly one of minAvailable and maxUnavailable'],
  [{ podDisruptionBudget: { maxUnavailable: '' } }, 'exactly one of minAvailable and maxUnavailable'],
  [{ config: ownConfig, configFile: 'pipelines: {}' }, 'config and configFile are set together'],
  [
    { existingConfigMap: 'mine', tests: { enabled: false }, files: { a: 'b' } },
    'files are put into the ConfigMap of the chart',
  ],
  [{ existingConfigMap: 'mine' }, 'tests.pipeline is empty'],
  [{ config: { lookups: ownConfig.lookups } }, 'config.lookups is set without config.pipelines'],
  [{ files: { 'millrace.yaml': '' } }, 'files cannot hold millrace.yaml'],
  [
    { config: { server: { port: 9000 } } },
    'config.server.port is 9000, but the pod listens on ports.http, which is 8080',
  ],
  [{ config: { server: { admin: { port: 9 } } } }, 'config.server.admin.port is 9'],
  [{ ports: { http: 8081 } }, 'ports.http and ports.admin are the same'],
  [{ ingress: { enabled: true } }, 'ingress has no host'],
  [{ httpRoute: { enabled: true } }, 'httpRoute has no Gateway'],
  [
    { lifecycle: { preStop: {} } },
    'lifecycle is set by the chart, so that a pod drains before it ends: set preStopSeconds',
  ],
  [
    { ingress: { enabled: true, hosts: [{ host: 'b.example', paths: ['/'] }] } },
    'ingress.hosts[0] is a map, but hosts are names, and ingress.path is the path of all hosts: write ingress.hosts: [b.example]',
  ],
  [
    { spool: { sizeLimit: '2Gi' } },
    'spool.sizeLimit is 2Gi, but so much may be spooled that the volume overflows and the pod is evicted: config.server.limits.spoolTotalBytes is 8GiB; set spool.sizeLimit to more than that',
  ],
  [withSpool('10Gi', '10GiB'), 'config.server.limits.spoolTotalBytes is 10GiB'],
  [withSpool('10Gi', '11000000000'), 'config.server.limits.spoolTotalBytes is 11000000000'],
  [{ configFile: stringify(withSpool('', '12GB').config) }, 'config.server.limits.spoolTotalBytes is 12GB'],
  [
    { extraEnv: [{ name: 'MILLRACE_SERVER_LIMITS_SPOOL_TOTAL_BYTES', value: '20GiB' }] },
    'MILLRACE_SERVER_LIMITS_SPOOL_TOTAL_BYTES in extraEnv is 20GiB',
  ],
  [{ service: { nodePort: 30_080 } }, 'need service.type NodePort or LoadBalancer, but it is ClusterIP'],
])('%j is refused with a message', async (values, message) => {
  expect(await refusal(values)).toContain(message);
});

test.each([
  [withSpool('2Gi', '1GiB')],
  [withSpool('8590M', 8_589_934_592)],
  [withSpool('0.5Ti', '100GiB')],
  [withSpool('1Gi', '${SPOOL_TOTAL}')],
  [{ existingConfigMap: 'mine', tests: { enabled: false }, spool: { sizeLimit: '1Gi' } }],
  [
    {
      ...withSpool('1Gi', '8GiB'),
      extraEnv: [{ name: 'MILLRACE_SERVER_LIMITS_SPOOL_TOTAL_BYTES', value: '512MiB' }],
    },
  ],
])(
  '%j: the volume of the spool is larger than all that may be spooled, or the chart does not know it',
  async (values) => {
    expect(await refusal(values)).toBe('');
  },
);

/** Values as a user writes them: YAML, in which Helm reads `on`, `y` and `off` as booleans. */
const written = (names: { lookup: string; argument: string; pipeline: string }): string => `
config:
  lookups:
    ${names.lookup}:
      http: { url: "http://127.0.0.1:9000/{${names.argument.replaceAll('"', '')}}" }
      retry:
        attempts: 1
        on: [unreachable, 503]
  pipelines:
    ${names.pipeline}:
      enrich: [{ lookup: "${names.lookup.replaceAll('"', '')}", with: { ${names.argument}: /n }, into: /a }]
`;

test('retry.on needs no quotes', async () => {
  const text = written({ lookup: 'far', argument: 'n1', pipeline: 'p' });
  const { code, stdout, stderr } = await helm(['template', 'test', chart, '-f', '-'], text);
  expect([code, stderr]).toEqual([0, '']);
  const map = stdout.split('---').find((object) => object.includes('kind: ConfigMap')) ?? '';
  const { data } = parse(map) as { data: Readonly<Record<string, string>> };
  const config: unknown = parse(data['millrace.yaml'] ?? '');
  expect(at(config, 'lookups.far.retry')).toEqual({ attempts: 1, on: ['unreachable', 503] });
});

test.each([
  [{ lookup: 'y', argument: 'n1', pipeline: 'p' }, 'config.lookups.true'],
  [{ lookup: 'far', argument: 'n1', pipeline: 'off' }, 'config.pipelines.false'],
  [{ lookup: 'far', argument: 'no', pipeline: 'p' }, 'config.pipelines.p.enrich.0.with.false'],
])('%j: a name that Helm reads as a boolean is refused with its place', async (names, place) => {
  const { code, stderr } = await helm(['template', 'test', chart, '-f', '-'], written(names));
  expect(code).not.toBe(0);
  expect(stderr).toContain(`${place} is a name that Helm reads as a boolean`);
});

test('the same names in quotes are accepted', async () => {
  const text = written({ lookup: '"y"', argument: '"no"', pipeline: '"off"' });
  expect((await helm(['template', 'test', chart, '-f', '-'], text)).stderr).toBe('');
});

test('all contradictions between values are reported at once', async () => {
  const message = await refusal({ ...both, ingress: { enabled: true } });
  expect(message.match(/^- /gm)).toHaveLength(2);
});

test('Kubernetes 1.28 is refused: it has no native sidecars', async () => {
  const { code, stderr } = await template({}, { extra: ['--kube-version', '1.28.9'] });
  expect(code).not.toBe(0);
  expect(stderr).toContain('requires kubeVersion: >=1.29.0-0');
});

/** The paths of the groups of a schema that allow no other members. */
function* groupsOf(schema: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (at(schema, 'additionalProperties') === false) yield path;
  for (const [key, member] of Object.entries(at(schema, 'properties') ?? {})) yield* groupsOf(member, [...path, key]);
}

function withUnknown(values: Values, [first, ...rest]: readonly string[]): Values {
  if (first === undefined) return { ...values, unknown: true };
  return { ...values, [first]: withUnknown((values[first] ?? {}) as Values, rest) };
}
