import { expect, test } from 'vitest';
import { cases } from './cases.ts';
import { at, one, rendered } from './helm.ts';
import { mistakes, unknownKeys } from './kubernetes.ts';

const matrix = await Promise.all(
  Object.entries(cases).map(async ([name, values]) => ({ name, objects: await rendered(values) })),
);

/** Every kind that the chart creates. The test below fails for a kind that is not expected. */
const kinds = new Set(matrix.flatMap(({ objects }) => objects.map(({ kind }) => kind)));

test('the values of the matrix create every kind that the chart has', () => {
  expect([...kinds.add('PrometheusRule')].toSorted()).toEqual([
    'Certificate',
    'ConfigMap',
    'Deployment',
    'HTTPRoute',
    'HorizontalPodAutoscaler',
    'Ingress',
    'NetworkPolicy',
    'Pod',
    'PodDisruptionBudget',
    'PodMonitor',
    'PrometheusRule',
    'ScaledObject',
    'Service',
    'ServiceAccount',
    'ServiceMonitor',
  ]);
});

test.each(matrix)('$name: every object matches the schema of its kind', async ({ objects }) => {
  const wrong = await Promise.all(objects.map(async (object) => [object.kind, await mistakes(object)]));
  expect(wrong.filter(([, mistake]) => mistake !== '')).toEqual([]);
});

test('no object has a key that its kind does not have', async () => {
  expect(await unknownKeys(matrix.flatMap(({ objects }) => objects))).toEqual([]);
});

test('a wrong type and an unknown key are found', async () => {
  const deployment = one(matrix[0]?.objects ?? [], 'Deployment');
  const typed = structuredClone(deployment);
  Object.assign(typed['spec'] as object, { replicas: 'two' });
  expect(await mistakes(typed)).toMatch(/replicas.*integer/s);
  const misspelt = structuredClone(deployment);
  Object.assign(at(misspelt, 'spec.template.spec.containers.0') as object, { imagePullPolcy: 'Always' });
  expect(await mistakes(misspelt)).toBe('');
  expect((await unknownKeys([misspelt])).join('\n')).toContain(`'"imagePullPolcy"' does not exist`);
});
