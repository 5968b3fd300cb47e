import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';

const flags = [
  '--max-semi-space-size=8',
  '--heap-growing-percent=30',
  '--no-allocation-site-pretenuring',
  '--no-parallel-scavenge',
  '--max-inlined-bytecode-size-cumulative=4000',
];

/** Command line and environment of a service started with these, as the system has them when the service listens. */
async function started(
  options: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ line: readonly string[]; environment: readonly string[] }> {
  const config = 'examples/airports-table/millrace.yaml';
  const main = [...options, 'src/cli/main.ts', 'serve', '-c', config, '--port', '0', '--admin-port', '0'];
  const child = spawn(process.execPath, main, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  const read = (name: string): readonly string[] => readFileSync(`/proc/${child.pid}/${name}`, 'utf8').split('\0');
  onTestFinished(async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  });
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.startsWith('millrace listens')) return { line: read('cmdline'), environment: read('environ') };
    said.push(line);
  }
  throw new Error(`the service did not start: ${said.join('\n')}`);
}

test('a service bounds its heap, and keeps new records in the young generation of the heap', async () => {
  const { line, environment } = await started([]);
  expect(line).toEqual(expect.arrayContaining(flags));
  expect(environment).toContain('MALLOC_ARENA_MAX=1');
});

test('a heap size that the user chose is kept', async () => {
  const { line } = await started(['--max-semi-space-size=16']);
  expect(flags.filter((flag) => line.includes(flag))).toEqual([]);
});

test('a number of arenas that the user chose is kept', async () => {
  const { environment } = await started([], { MALLOC_ARENA_MAX: '4', MILLRACE_SERVER_LOG_LEVEL: 'info' });
  const arenas = environment.filter((entry) => entry.startsWith('MALLOC_ARENA_MAX='));
  expect(arenas).toEqual(['MALLOC_ARENA_MAX=4']);
  expect(environment).toContain('MILLRACE_SERVER_LOG_LEVEL=info');
});

test('V8 gives a context that is made after `--expose-gc` a function that collects', () => {
  expect(runInNewContext('typeof gc')).toBe('undefined');
  setFlagsFromString('--expose-gc');
  onTestFinished(() => setFlagsFromString('--no-expose-gc'));
  expect(runInNewContext('typeof gc')).toBe('function');
});
