import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { KubernetesObject } from '../helm/helm.ts';
import { mistakes, unknownKeys } from '../helm/kubernetes.ts';
import { freePort } from '../proxies/proxy.ts';
import { startInProcess } from '../service/in-process.ts';
import { folderOf } from '../service/serving.ts';
import { shown } from './page-programs.ts';

interface Job extends KubernetesObject {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { command: string[]; args: string[] }[] } };
  };
}

const job = parse(shown('job.yaml')) as Job;

/** Runs the command of the Job's container, with a folder as its volume. Resolves with its exit code. */
function ended(data: string, url: string): Promise<number> {
  const [{ command, args } = { command: [], args: [] }] = job.spec.template.spec.containers;
  const [program = '', ...flags] = command;
  const here = args.map((arg) =>
    arg.replaceAll('/data/', `${data}/`).replace('http://millrace:8080/v1/enrich/flights', `${url}/v1/enrich/test`),
  );
  return new Promise((resolve) => {
    const child = execFile(program, [...flags, ...here], () => resolve(child.exitCode ?? -1));
  });
}

const records = '{"n":0,"key":"a"}\n{"n":1,"key":null}\n';
const answered = '{"n":0,"key":"a","answer":{"id":"a"}}\n{"n":1,"key":null,"_error":';

test('the Job of docs/clients.md is valid', async () => {
  expect(await mistakes(job)).toBe('');
  expect(await unknownKeys([job])).toEqual([]);
});

test('its container leaves a whole file and ends with 0; after a cut, or without a service, it leaves none', async () => {
  const data = folderOf({ 'in.ndjson': records, 'rows.csv': 'id\na\n' });
  const table = { rows: { table: { file: join(data, 'rows.csv'), key: 'id' } } };
  const enrich = [{ lookup: 'rows', with: { id: '/key' }, into: '/answer' }];
  const out = join(data, 'out.ndjson');

  expect(await ended(data, `http://127.0.0.1:${await freePort()}`)).toBe(7);
  const strict = await startInProcess(table, { enrich, onError: 'fail' });
  expect(await ended(data, strict.service.url)).toBe(18);
  expect(existsSync(out)).toBe(false);

  const { service } = await startInProcess(table, { enrich });
  expect(await ended(data, service.url)).toBe(0);
  expect(readFileSync(out, 'utf8').slice(0, answered.length)).toBe(answered);
});
