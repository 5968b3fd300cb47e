import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';

export const root = join(import.meta.dirname, '../..');
export const chart = join(root, 'helm/millrace');

const program = execFileSync('bash', [join(root, 'scripts/install-helm.sh')], { encoding: 'utf8' }).trim();

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs helm. No command here connects to a cluster. */
export function helm(args: readonly string[], stdin = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { ...process.env, KUBECONFIG: join(root, 'no-cluster') };
    const child = execFile(program, args, { cwd: root, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, stdout, stderr });
    });
    // If helm refuses its arguments, it exits without reading its input.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(stdin);
  });
}

/** An object as Kubernetes receives it. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
}

export type Values = Readonly<Record<string, unknown>>;

/** The objects that the chart renders for these values. `extra` are arguments of `helm template`. */
export async function rendered(
  values: Values,
  { from = chart, extra = [] }: { from?: string; extra?: readonly string[] } = {},
): Promise<readonly KubernetesObject[]> {
  const { code, stdout, stderr } = await template(values, { from, extra });
  if (code !== 0) throw new Error(stderr);
  return objectsOf(stdout);
}

/** The results of earlier calls of `helm template` in this test file. The chart does not change during a test run. */
const templates = new Map<string, Promise<Ended>>();

export function template(
  values: Values,
  { from = chart, extra = [] }: { from?: string; extra?: readonly string[] } = {},
): Promise<Ended> {
  const args = ['template', 'test', from, '--namespace', 'streams', '-f', '-', ...extra];
  const text = stringify(values);
  const key = JSON.stringify([args, text]);
  const known = templates.get(key) ?? helm(args, text);
  templates.set(key, known);
  return known;
}

/** The message with which the chart refuses these values; Helm before 3.18 writes `a.b` for the place '/a/b'. */
export async function refusal(values: Values, from = chart): Promise<string> {
  const { code, stderr } = await template(values, { from });
  return code === 0
    ? ''
    : stderr.replaceAll(/^- (\(root\)|[\w.-]+): /gm, (_, place: string) => `- at '${pointer(place)}': `);
}

const pointer = (place: string): string => (place === '(root)' ? '' : `/${place.replaceAll('.', '/')}`);

function objectsOf(text: string): readonly KubernetesObject[] {
  // YAML 1.1, as Kubernetes reads it: `off` is a boolean there.
  const documents = parseAllDocuments(text, { version: '1.1', merge: false });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    if (document.errors.length > 0) throw new Error(`${document.errors[0]?.message}\n${text}`);
    const value: unknown = document.toJS();
    return value === null || value === undefined ? [] : [value as KubernetesObject];
  });
}

/** The only object of a kind whose name ends with `end`. Throws if there is none or more than one. */
export function one(objects: readonly KubernetesObject[], kind: string, end = ''): KubernetesObject & Loose {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name.endsWith(end));
  if (found.length !== 1) throw new Error(`${found.length} objects are a ${kind} named *${end}, not one`);
  return found[0] as KubernetesObject & Loose;
}

/** Lets a test read any member, and then compare it. A missing member is undefined. */
export interface Loose {
  readonly [key: string]: unknown;
}

/** The value at a dotted path, such as `spec.template.spec.containers.0`. Undefined if a part of the path is missing. */
export function at(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, step) => (value as Loose | undefined)?.[step], object);
}
