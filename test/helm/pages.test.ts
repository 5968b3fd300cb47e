import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { fencesOf, page } from '../docs/pages.ts';
import { helm, type KubernetesObject, rendered, root, type Values } from './helm.ts';
import { mistakes, unknownKeys } from './kubernetes.ts';

/** The YAML blocks of a page that have the mark `mark`. */
function valuesOf(name: string, mark: string): readonly Values[] {
  const fences = fencesOf(page(name)).filter(({ language, marks }) => language === 'yml' && marks.join() === mark);
  return fences.map(({ text }) => parse(text) as Values);
}

/** All mistakes in these objects, in one list. */
async function wrongIn(objects: readonly KubernetesObject[]): Promise<readonly string[]> {
  const found = await Promise.all(objects.map((object) => mistakes(object)));
  return [...found.filter((each) => each !== ''), ...(await unknownKeys(objects))];
}

test('the chart accepts all values of docs/kubernetes.md', async () => {
  const values = valuesOf('kubernetes.md', 'values');
  expect(values.length).toBeGreaterThan(5);
  expect(await wrongIn((await Promise.all(values.map((each) => rendered(each)))).flat())).toEqual([]);
});

test('the example accepts the values of docs/sidecar.md, and the PodMonitor there is valid', async () => {
  const copy = mkdtempSync(join(tmpdir(), 'millrace-sidecar-'));
  onTestFinished(() => rmSync(copy, { recursive: true }));
  for (const name of ['helm/millrace-sidecar', 'examples/sidecar']) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  const from = join(copy, 'examples/sidecar');
  await helm(['dependency', 'build', from]);
  const [values = {}] = valuesOf('sidecar.md', 'sidecar');
  expect(await wrongIn(await rendered(values, { from }))).toEqual([]);
  expect(await wrongIn(valuesOf('sidecar.md', '') as readonly object[] as readonly KubernetesObject[])).toEqual([]);
});
