import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';

const flags = ['--max-semi-space-size=8', '--heap-growing-percent=30', '--no-allocation-site-pretenuring'];

/** The command line of a service that was started with these options of Node, as the system has it once it listens. */
async function commandLine(...options: readonly string[]): Promise<readonly string[]> {
  const config = 'examples/airports-table/millrace.yaml';
  const main = [...options, 'src/cli/main.ts', 'serve', '-c', config, '--port', '0', '--admin-port', '0'];
  const child = spawn(process.execPath, main, { stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  });
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.startsWith('millrace listens')) return readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').split('\0');
    said.push(line);
  }
  throw new Error(`the service did not start: ${said.join('\n')}`);
}

test('a service bounds its heap, and puts no record into the old generation from the start', async () => {
  expect(await commandLine()).toEqual(expect.arrayContaining(flags));
});

test('a service whose heap was chosen by its user is left as it is', async () => {
  const line = await commandLine('--max-semi-space-size=16');
  expect(flags.filter((flag) => line.includes(flag))).toEqual([]);
});
