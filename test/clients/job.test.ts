import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import type { KubernetesObject } from '../helm/helm.ts';
import { mistakes, unknownKeys } from '../helm/kubernetes.ts';
import { listen } from '../http/start.ts';
import { freePort } from '../proxies/proxy.ts';
import { startInProcess } from '../service/in-process.ts';
import { folderOf, Millrace } from '../service/serving.ts';
import { answeredKeyed, keyed } from './killed-service.ts';
import { shown } from './page-programs.ts';

interface Container {
  readonly command: readonly string[];
  readonly args: readonly string[];
}

interface Job extends KubernetesObject {
  readonly spec: {
    readonly template: {
      readonly spec: { readonly initContainers: readonly Container[]; readonly containers: readonly Container[] };
    };
  };
}

const job = parse(shown('job.yaml')) as Job;
const runJob = parse(shown('run-job.yaml')) as Job;

/** The arguments of a container, with a folder as its volume and another service. */
const argsOf = ({ args }: Container, data: string, url: string): string[] =>
  args.map((arg) =>
    arg
      .replaceAll('/data/', `${data}/`)
      .replace('http://millrace:8080', url)
      .replace(/(?<=^|\/enrich\/)flights/, 'test'),
  );

/** Runs the command of a container. Resolves with its exit code. */
function ended(container: Container | undefined, data: string, url: string, env: object = {}): Promise<number> {
  if (container === undefined) throw new Error('docs/clients.md shows no such container');
  const [program = '', ...flags] = container.command;
  const args = [...flags, ...argsOf(container, data, url)];
  return new Promise((resolve) => {
    const child = execFile(program, args, { env: { ...process.env, ...env } }, () => resolve(child.exitCode ?? -1));
  });
}

const curl = (data: string, url: string): Promise<number> => ended(job.spec.template.spec.containers[0], data, url);

const records = '{"n":0,"key":"a"}\n{"n":1,"key":null}\n';
const answered = '{"n":0,"key":"a","answer":{"id":"a"}}\n{"n":1,"key":null,"_error":';

test.each([
  ['job.yaml', job],
  ['run-job.yaml', runJob],
])('the Job in %s of docs/clients.md is valid', async (_, object) => {
  expect(await mistakes(object)).toBe('');
  expect(await unknownKeys([object])).toEqual([]);
});

test('its container leaves a whole file and ends with 0; after a cut, or without a service, it leaves none', async () => {
  const data = folderOf({ 'in.ndjson': records, 'rows.csv': 'id\na\n' });
  const table = { rows: { table: { file: join(data, 'rows.csv'), key: 'id' } } };
  const enrich = [{ lookup: 'rows', with: { id: '/key' }, into: '/answer' }];
  const out = join(data, 'out.ndjson');

  expect(await curl(data, `http://127.0.0.1:${await freePort()}`)).toBe(7);
  const strict = await startInProcess(table, { enrich, onError: 'fail' });
  expect(await curl(data, strict.service.url)).toBe(18);
  expect(existsSync(out)).toBe(false);

  const { service } = await startInProcess(table, { enrich });
  expect(await curl(data, service.url)).toBe(0);
  expect(readFileSync(out, 'utf8').slice(0, answered.length)).toBe(answered);
});

test('the init container of the Job with millrace run fetches the input once, although the first answer is 503', async () => {
  const data = folderOf({});
  let calls = 0;
  const files = createServer((_, response) => {
    calls += 1;
    response.writeHead(calls === 1 ? 503 : 200).end(records);
  });
  const url = `http://127.0.0.1:${await listen(files)}/`;
  onTestFinished(() => void files.close());
  for (const _ of [1, 2]) {
    expect(await ended(runJob.spec.template.spec.initContainers[0], data, url, { INPUT: url })).toBe(0);
    expect(readFileSync(join(data, 'in.ndjson'), 'utf8')).toBe(records);
  }
  expect(calls).toBe(2);
});

test(
  'if its pod is killed in the middle, the next one goes on, and the output has each record once',
  { timeout: 120_000 },
  async () => {
    const count = 3000;
    const data = folderOf({ 'in.ndjson': keyed(count) });
    const held: (() => void)[] = [];
    let asked = 0;
    // The second half of the lookups wait until the first pod is dead.
    let holding = true;
    const far = createServer(({ url = '' }, response: ServerResponse) => {
      asked += 1;
      const answer = (): void => void response.end(JSON.stringify({ found: url }));
      if (holding && asked > count / 2) held.push(answer);
      else answer();
    });
    const port = await listen(far);
    onTestFinished(() => {
      far.closeAllConnections();
      far.close();
    });
    const lookups = { far: { http: { url: `http://127.0.0.1:${port}/{key}` } } };
    const enrich = [{ lookup: 'far', with: { key: '/key' }, into: '/answer' }];
    const { service } = await startInProcess(lookups, { enrich });
    const [container] = runJob.spec.template.spec.containers;
    if (container === undefined) throw new Error('docs/clients.md shows no container');
    const pod = (): Millrace => new Millrace(argsOf(container, data, service.url));

    const first = pod();
    while (first.running && !(existsSync(join(data, 'run.state')) && held.length > 0)) await wait(10);
    first.child.kill('SIGKILL');
    expect(await first.ended).toEqual([null, 'SIGKILL']);
    expect(existsSync(join(data, 'out.ndjson'))).toBe(true);

    holding = false;
    for (const answer of held) answer();
    expect(await pod().ended).toEqual([0, null]);
    expect(readFileSync(join(data, 'out.ndjson'), 'utf8') === answeredKeyed(count)).toBe(true);
    // A third pod finds the run complete.
    expect(await pod().ended).toEqual([0, null]);
    expect(readFileSync(join(data, 'out.ndjson'), 'utf8') === answeredKeyed(count)).toBe(true);
  },
);
