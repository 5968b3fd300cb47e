import { expect, test } from 'vitest';
import { cases } from './cases.ts';
import { at, type KubernetesObject, one, rendered } from './helm.ts';

type Labels = Readonly<Record<string, string>>;

const matrix = await Promise.all(
  Object.entries(cases).map(async ([name, values]) => ({ name, objects: await rendered(values) })),
);

const selects = (selector: unknown, labels: unknown): boolean =>
  Object.entries(selector as Labels).every(([name, value]) => (labels as Labels)[name] === value);

const named = (list: unknown): readonly unknown[] =>
  ((list as unknown[] | undefined) ?? []).map((it) => at(it, 'name'));

test.each(matrix)(
  '$name: every selector selects the pods of the service and not the pod of helm test',
  ({ objects }) => {
    const pod = at(one(objects, 'Deployment'), 'spec.template.metadata.labels');
    const testPod = objects.find(({ kind }) => kind === 'Pod')?.metadata.labels ?? {};
    const selectors = objects.flatMap((object) => selectorsOf(object));
    expect(selectors.length).toBeGreaterThan(2);
    for (const selector of selectors) {
      expect(selects(selector, pod)).toBe(true);
      expect(selects(selector, testPod)).toBe(false);
    }
  },
);

function selectorsOf(object: KubernetesObject): readonly unknown[] {
  if (object.kind === 'Service') return [at(object, 'spec.selector')];
  if (object.kind === 'NetworkPolicy') return [at(object, 'spec.podSelector.matchLabels')];
  if (['Deployment', 'PodDisruptionBudget', 'PodMonitor'].includes(object.kind)) {
    return [at(object, 'spec.selector.matchLabels')];
  }
  return [];
}

test.each(matrix)('$name: every name that an object refers to exists', ({ objects }) => {
  const pod = at(one(objects, 'Deployment'), 'spec.template.spec');
  const container = at(pod, 'containers.0');
  expect(named(at(pod, 'volumes'))).toEqual(expect.arrayContaining([...named(at(container, 'volumeMounts'))]));
  const ports = named(at(container, 'ports'));
  for (const service of objects.filter(({ kind }) => kind === 'Service')) {
    expect(ports).toContain(at(service, 'spec.ports.0.targetPort'));
  }
  const maps = objects.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata }) => metadata.name);
  expect([...maps, 'mine']).toContain(at(pod, 'volumes.0.configMap.name'));
  const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name);
  expect([...accounts, 'default']).toContain(at(pod, 'serviceAccountName'));
});

test.each(matrix)('$name: names are unique within a kind, and Kubernetes accepts the labels', ({ objects }) => {
  const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(new Set(names).size).toBe(names.length);
  for (const { metadata } of objects) {
    expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    for (const value of Object.values(metadata.labels ?? {}))
      expect(value).toMatch(/^[A-Za-z0-9]([-.\w]{0,61}[A-Za-z0-9])?$/);
  }
});

test('a long release name is shortened instead of refused', async () => {
  const fullnameOverride = `a${'b'.repeat(70)}`;
  for (const { metadata } of await rendered({ fullnameOverride })) expect(metadata.name.length).toBeLessThan(64);
});

const replicas = async (name: string) => at(one(await rendered(cases[name] ?? {}), 'Deployment'), 'spec.replicas');

test('the number of pods is not set if an autoscaler sets it', async () => {
  expect(await replicas('defaults')).toBe(2);
  expect(await replicas('scaled by CPU')).toBeUndefined();
  expect(await replicas('scaled by KEDA')).toBeUndefined();
});

const metrics = async (values: object) =>
  at(one(await rendered({ autoscaling: { enabled: true, ...values } }), 'HorizontalPodAutoscaler'), 'spec.metrics');

test('a HorizontalPodAutoscaler scales by CPU, by the use of the slots, or by both', async () => {
  const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 75 } } };
  const slots = {
    type: 'Pods',
    pods: { metric: { name: 'operator_utilization' }, target: { type: 'AverageValue', averageValue: '700m' } },
  };
  const utilization = { averageValue: '700m' };
  expect(await metrics({})).toEqual([cpu]);
  expect(await metrics({ utilization })).toEqual([cpu, slots]);
  expect(await metrics({ utilization, cpu: { averageUtilization: 0 } })).toEqual([slots]);
});

test('a ServiceMonitor selects only the admin Service', async () => {
  const objects = await rendered(cases['with a ServiceMonitor'] ?? {});
  const selector = at(one(objects, 'ServiceMonitor'), 'spec.selector.matchLabels');
  const found = objects.filter(({ kind, metadata }) => kind === 'Service' && selects(selector, metadata.labels));
  expect(found.map(({ metadata }) => metadata.name)).toEqual(['test-millrace-admin']);
});

test('an Ingress forwards streams without collecting them', async () => {
  const objects = await rendered(cases['behind an Ingress'] ?? {});
  const prefix = 'nginx.ingress.kubernetes.io/';
  expect(at(one(objects, 'Ingress'), 'metadata.annotations')).toEqual({
    [`${prefix}proxy-request-buffering`]: 'off',
    [`${prefix}proxy-buffering`]: 'off',
    [`${prefix}proxy-http-version`]: '1.1',
    [`${prefix}proxy-body-size`]: '0',
    [`${prefix}proxy-read-timeout`]: '3600',
    [`${prefix}proxy-send-timeout`]: '3600',
    [`${prefix}proxy-next-upstream`]: 'off',
  });
});

test('an HTTPRoute has no timeout, and leads to a port of the Service', async () => {
  const objects = await rendered(cases['behind a Gateway'] ?? {});
  const route = one(objects, 'HTTPRoute');
  expect(at(route, 'spec.rules.0.timeouts')).toEqual({ request: '0s', backendRequest: '0s' });
  const service = one(objects, 'Service', String(at(route, 'spec.rules.0.backendRefs.0.name')));
  expect(at(service, 'spec.ports.0.port')).toBe(at(route, 'spec.rules.0.backendRefs.0.port'));
});

test('a closed NetworkPolicy lets only its clients and the pod of helm test use the service', async () => {
  const objects = await rendered(cases['closed to the network'] ?? {});
  const policy = one(objects, 'NetworkPolicy');
  const [clients, tester] = at(policy, 'spec.ingress.0.from') as readonly unknown[];
  expect(at(clients, 'podSelector.matchLabels')).toEqual({ app: 'orders' });
  expect(selects(at(tester, 'podSelector.matchLabels'), one(objects, 'Pod').metadata.labels)).toBe(true);
  expect(at(policy, 'spec.ingress.1.ports.0.port')).toBe('admin');
  expect(at(policy, 'spec.egress')).toHaveLength(2);
  const open = one(await rendered(cases['open to the network'] ?? {}), 'NetworkPolicy');
  expect(at(open, 'spec')).toMatchObject({ policyTypes: ['Ingress'], ingress: [{ ports: [{ port: 'http' }] }] });
  expect(at(open, 'spec.ingress')).toHaveLength(1);
});
