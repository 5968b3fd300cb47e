import { expect, test } from 'vitest';
import { configJsonSchema } from '../../src/config/schema/json-schema.ts';
import { cases, ownConfig } from './cases.ts';
import { at, one, refusal, rendered, type Values } from './helm.ts';
import { notRestricted } from './pod-security.ts';

const deployment = async (values: Values, ...extra: readonly string[]) =>
  one(await rendered(values, { extra }), 'Deployment');

const podOf = async (values: Values, ...extra: readonly string[]): Promise<unknown> =>
  at(await deployment(values, ...extra), 'spec.template.spec');

test('the pods of the service and of helm test are restricted', async () => {
  for (const values of [{}, { config: ownConfig, existingSecret: 'crm' }, cases['closed to the network'] ?? {}]) {
    const objects = await rendered(values);
    expect(notRestricted(at(one(objects, 'Deployment'), 'spec.template.spec'))).toEqual([]);
    expect(notRestricted(one(objects, 'Pod')['spec'])).toEqual([]);
  }
});

test('the user is 65532, and only /tmp and the spool can be written to', async () => {
  const pod = await podOf({});
  expect(at(pod, 'securityContext.runAsUser')).toBe(65_532);
  expect(at(pod, 'containers.0.securityContext.runAsUser')).toBe(65_532);
  expect(at(pod, 'containers.0.volumeMounts')).toEqual([
    { name: 'config', mountPath: '/etc/millrace', readOnly: true },
    { name: 'tmp', mountPath: '/tmp' },
    { name: 'spool', mountPath: '/var/spool/millrace' },
  ]);
});

test('output is spooled to a volume of its own, which holds more than the default of limits.spoolTotalBytes', async () => {
  const pod = await podOf({});
  expect(at(pod, 'containers.0.env')).toContainEqual({
    name: 'MILLRACE_SERVER_SPOOL_DIR',
    value: '/var/spool/millrace',
  });
  expect(at(pod, 'volumes')).toContainEqual({ name: 'spool', emptyDir: { sizeLimit: '10Gi' } });
  expect(at(configJsonSchema(), 'properties.server.properties.limits.properties.spoolTotalBytes.default')).toBe('8GiB');
  expect(at(await podOf({ spool: { sizeLimit: '50Gi' } }), 'volumes')).toContainEqual({
    name: 'spool',
    emptyDir: { sizeLimit: '50Gi' },
  });
});

test.each([
  [{ podSecurityContext: { runAsNonRoot: false }, securityContext: { runAsNonRoot: null } }, 'runAsNonRoot'],
  [{ securityContext: { readOnlyRootFilesystem: false } }, 'readOnlyRootFilesystem'],
  [{ securityContext: { allowPrivilegeEscalation: null } }, 'allowPrivilegeEscalation'],
  [{ securityContext: { capabilities: { drop: [] } } }, 'capabilities.drop'],
  [{ securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }, 'capabilities.add'],
  [{ securityContext: { seccompProfile: { type: 'Unconfined' } } }, 'seccompProfile'],
])('%j is not restricted', async (values, violation) => {
  expect(notRestricted(await podOf(values))).toEqual([`containers.0: ${violation}`]);
});

test('a host path is not restricted', async () => {
  const volumes = [{ name: 'host', hostPath: { path: '/etc' } }];
  expect(notRestricted(await podOf({ extraVolumes: volumes }))).toEqual(['volumes.3']);
});

test.each([
  [{}, 5 + 30 + 5],
  [{ config: { server: { drainTimeout: '90s' } } }, 5 + 90 + 5],
  [{ config: { server: { drainTimeout: '1.5m' } }, preStopSeconds: 15 }, 15 + 90 + 5],
  [{ config: { server: { drainTimeout: '1h' } } }, 5 + 3600 + 5],
  [{ config: { server: { drainTimeout: '250ms' } } }, 5 + 1 + 5],
  [{ config: { server: { drainTimeout: '0' } }, preStopSeconds: 0 }, 5],
  [{ configFile: 'server: { drainTimeout: 2m }\npipelines: { a: {} }' }, 5 + 120 + 5],
  [{ config: { tracing: { otlp: { url: 'http://otel:4318/v1/traces' } } } }, 5 + 30 + 3 + 5],
  [{ config: { tracing: { otlp: { url: 'http://otel:4318/v1/traces', timeout: '500ms' } } } }, 5 + 30 + 1 + 5],
  [{ terminationGracePeriodSeconds: 7 }, 7],
  [{ config: { server: { drainTimeout: '${DRAIN}' } }, terminationGracePeriodSeconds: 300 }, 300],
])('with %j a pod has %i s to end', async (values, seconds) => {
  expect(at(await podOf(values), 'terminationGracePeriodSeconds')).toBe(seconds);
});

test('the times that the chart assumes are the defaults of the configuration', () => {
  const schema = configJsonSchema();
  expect(at(schema, 'properties.server.properties.drainTimeout.default')).toBe('30s');
  expect(at(schema, 'properties.tracing.properties.otlp.properties.timeout.default')).toBe('3s');
});

test('a drain timeout that is a reference is refused, with a message that says what to set', async () => {
  expect(await refusal({ config: { server: { drainTimeout: '${DRAIN}' } } })).toContain(
    'config.server.drainTimeout is "${DRAIN}", which the chart cannot compute with: set terminationGracePeriodSeconds',
  );
});

test('a pod waits before SIGTERM, so that connections that still arrive are accepted', async () => {
  const preStop = 'containers.0.lifecycle.preStop';
  expect(at(await podOf({}, '--kube-version', '1.30.0'), preStop)).toEqual({ sleep: { seconds: 5 } });
  expect(at(await podOf({}, '--kube-version', '1.29.4'), preStop)).toEqual({
    exec: { command: ['node', '-e', 'setTimeout(() => {}, 5000)'] },
  });
  expect(at(await podOf({ preStopSeconds: 0 }), 'containers.0.lifecycle')).toBeUndefined();
});

test('all probes use the admin listener', async () => {
  const container = at(await podOf({}), 'containers.0');
  expect(at(container, 'startupProbe.httpGet')).toEqual({ path: '/livez', port: 'admin' });
  expect(at(container, 'livenessProbe.httpGet')).toEqual({ path: '/livez', port: 'admin' });
  expect(at(container, 'readinessProbe.httpGet')).toEqual({ path: '/readyz', port: 'admin' });
});

test('a change of the configuration replaces the pods, a change of anything else does not', async () => {
  const annotations = 'spec.template.metadata.annotations';
  const first = at(await deployment({}), annotations);
  expect(Object.keys(first as object)).toEqual(['checksum/config']);
  expect(at(await deployment({ replicaCount: 9 }), annotations)).toEqual(first);
  expect(at(await deployment({ config: { server: { drainTimeout: '31s' } } }), annotations)).not.toEqual(first);
  expect(at(await deployment({ files: { 'more.csv': 'id\n' } }), annotations)).not.toEqual(first);
  expect(at(await deployment({ configChecksum: false }), annotations)).toBeUndefined();
});

test('the environment has no variables for Services, which could be read as settings', async () => {
  expect(at(await podOf({}), 'enableServiceLinks')).toBe(false);
});

test('a topology constraint selects the pods of one revision, unless it has its own selector', async () => {
  const matchLabels = at(await deployment({}), 'spec.selector.matchLabels');
  expect(at(await podOf({}), 'topologySpreadConstraints.0')).toEqual({
    maxSkew: 1,
    topologyKey: 'topology.kubernetes.io/zone',
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels },
    matchLabelKeys: ['pod-template-hash'],
  });
  const own = at(cases['everything a pod can have'], 'topologySpreadConstraints');
  expect(at(await podOf({ topologySpreadConstraints: own }), 'topologySpreadConstraints')).toEqual(own);
});
