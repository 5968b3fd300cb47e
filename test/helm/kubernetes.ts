import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KubernetesObject, root } from './helm.ts';

/** API groups whose kinds are defined in separate packages. */
const packages: Readonly<Record<string, string>> = {
  'cert-manager.io': '@kubernetes-models/cert-manager/',
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api/',
  'keda.sh': '@kubernetes-models/keda/',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator/',
};

/** The module that defines an apiVersion. */
function moduleOf({ apiVersion }: KubernetesObject): string {
  return `${packages[apiVersion.split('/')[0] ?? ''] ?? 'kubernetes-models/'}${apiVersion}`;
}

type Model = new (data: object) => { validate(): void };

/** What the schema of its kind refuses in an object: types, required members, choices, patterns. Empty if valid. */
export async function mistakes(object: KubernetesObject): Promise<string> {
  const models = (await import(moduleOf(object))) as Readonly<Record<string, Model | undefined>>;
  const model = models[object.kind];
  if (model === undefined) return `there is no ${object.apiVersion} ${object.kind}`;
  try {
    new model(object).validate();
    return '';
  } catch (error) {
    return String(error);
  }
}

/**
 * The members that the kinds of these objects do not have. Kubernetes drops them silently, and the schemas allow them.
 * The TypeScript compiler refuses unknown members in an object literal, so it compiles each object as a literal.
 */
export function unknownKeys(objects: readonly KubernetesObject[]): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-objects-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const distinct = [...new Map(objects.map((object) => [JSON.stringify(object), object]))];
  const lines = distinct.map(
    ([json, object], index) =>
      `export const ${object.kind}${index}: import('${moduleOf(object)}').I${object.kind} = ${json};`,
  );
  writeFileSync(join(folder, 'objects.mts'), lines.join('\n'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const tsc = join(root, 'node_modules/.bin/tsc');
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', '', 'objects.mts'];
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, ...options], { cwd: folder, maxBuffer: 2 ** 26 }, (_, stdout) => {
      rmSync(folder, { recursive: true });
      resolve(stdout.split('\n').filter((line) => line.includes('error')));
    });
  });
}
