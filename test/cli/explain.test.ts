import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder } from '../config/loading.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');

const configuration = `
lookups:
  far:
    http: { url: "http://127.0.0.1:9/{id}", headers: { x-key: "\${KEY}" } }
    timeout: 500ms
    retry: { attempts: 2 }
    cache: { maxEntries: 10, ttl: 5m }
  other: { table: { file: missing.csv, key: id } }
pipelines:
  p: { enrich: [ { lookup: far, with: { id: /id }, into: /a } ] }
  q: { enrich: [ { lookup: other, with: { id: /id }, into: /a } ] }
  flights: { enrich: [ { lookup: far, with: { id: /id }, into: /a } ] }
`;

function explain(args: readonly string[], input: string) {
  const cwd = folder({ 'millrace.yaml': configuration });
  const env = { ...process.env, KEY: 'k3y-of-the-house' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'explain', ...args], {
    cwd,
    env,
    input,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('explain prints each call and the layers on its way, in order, with settings and keys', () => {
  const { status, stdout, stderr } = explain(['p', '--json'], '{"id":"a b"}\n');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({
    pipeline: 'p',
    steps: [
      {
        lookup: 'far',
        call: { url: 'http://127.0.0.1:9/a%20b', headers: { 'x-key': '***' } },
        layers: [
          { layer: 'cache', key: '2:ids3:a b', settings: { maxEntries: 10, ttl: '5m' } },
          { layer: 'coalesce', settings: true },
          { layer: 'retry', settings: { attempts: 2, backoff: { initial: '100ms' } } },
          { layer: 'limit', settings: { connections: 256, maxPause: '30s' } },
          { layer: 'timeout', settings: '500ms' },
        ],
      },
    ],
  });
  expect(stdout).not.toContain('k3y');
});

test('explain opens the lookups of the pipeline only', () => {
  expect(explain(['p'], '{"id":1}').status).toBe(0);
  const { status, stderr } = explain(['q'], '{"id":1}');
  expect(status).toBe(1);
  expect(stderr).toContain('missing.csv');
});

test('explain takes a record of several lines, or a record a line', () => {
  expect(explain(['p'], '{\n  "id": 1\n}\n').stdout).toMatch(/^---\npipeline: p\nsteps:\n {2}- lookup: far\n/);
  const { status, stdout, stderr } = explain(['p', '--json'], '{"id":1}\nnonsense\n\n[]\n{"id":2}\n');
  expect(status).toBe(1);
  expect(stdout.trimEnd().split('\n')).toEqual([
    expect.stringContaining('"url":"http://127.0.0.1:9/1"'),
    expect.stringContaining('"url":"http://127.0.0.1:9/2"'),
  ]);
  expect(stderr).toMatch(/^millrace: line 2: invalid_json: .+\nmillrace: line 4: not_an_object: .+\n$/);
});

test('explain without a record, or with an unknown pipeline, is a mistake of the command line', () => {
  expect(explain(['p'], '\n')).toEqual({
    status: 2,
    stdout: '',
    stderr: 'millrace: standard input has no record: send one JSON object\n',
  });
  expect(explain(['x'], '{}')).toEqual({
    status: 2,
    stdout: '',
    stderr: 'millrace: unknown pipeline x; pipelines: p, q, flights\n',
  });
  expect(explain(['flight'], '{}').stderr).toBe('millrace: unknown pipeline flight; did you mean "flights"?\n');
  expect(explain([], '{}').stderr).toContain("millrace: missing required argument 'pipeline'\n");
});
