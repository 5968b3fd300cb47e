import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { linesOf } from './in-process.ts';
import { Admin } from './admin.ts';
import { folderOf, Millrace, root } from './serving.ts';

const linux = process.platform === 'linux';

/** A function that logs as many bytes as the record demands. */
const noisy = `
export default class {
  open({ logger }) { this.logger = logger; }
  asyncInvoke({ bytes }, result) { this.logger.warn('x'.repeat(bytes)); result.complete(['done']); }
}`;

/** The ports are chosen here, because the line with the ports of the service may be lost. */
const config = (port: number): string => `
server: { port: ${port}, admin: { port: ${port + 1} }, log: { level: warn } }
lookups: { noisy: { module: { file: noisy.mjs } } }
pipelines: { test: { enrich: [ { lookup: noisy, with: { bytes: /bytes }, into: /answer } ] } }`;

const main = join(root, 'src/cli/main.ts');

/** Whether the service answers, or has ended because another process has its port. Its output is not read. */
async function answering(child: ChildProcess, admin: string): Promise<boolean> {
  while (child.exitCode === null) {
    const live = await fetch(`${admin}/readyz`).catch(() => undefined);
    if (live?.ok === true && child.exitCode === null) return true;
    await new Promise((resolve) => void setImmediate(resolve));
  }
  return false;
}

async function freePorts(): Promise<number> {
  const { createServer } = await import('node:net');
  for (;;) {
    const first = createServer().listen(0, '127.0.0.1');
    await once(first, 'listening');
    const address = first.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const second = createServer().listen(port + 1, '127.0.0.1');
    const free = await once(second, 'listening').then(
      () => true,
      () => false,
    );
    first.close();
    second.close();
    if (free) return port;
  }
}

interface Served {
  readonly child: ChildProcess;
  readonly admin: Admin;
  /** Sends records that log this many bytes each; returns the number of results. */
  readonly enrich: (records: number, bytes: number) => Promise<number>;
  /** Stops the service; returns the exit code. */
  readonly stop: () => Promise<unknown>;
  readonly lost: () => Promise<number>;
}

/** Serves with a log that goes to `stderr`. */
async function serveTo(stderr: number | 'pipe'): Promise<Served> {
  const port = await freePorts();
  const folder = folderOf({ 'millrace.yaml': config(port), 'noisy.mjs': noisy });
  const child = spawn(process.execPath, [main, 'serve', '-c', join(folder, 'millrace.yaml')], {
    stdio: ['ignore', 'ignore', stderr],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const admin = new Admin(`http://127.0.0.1:${port + 1}`);
  if (!(await answering(child, admin.url))) return serveTo(stderr);
  const enrich = async (records: number, bytes: number): Promise<number> => {
    const body = `{"bytes":${bytes}}\n`.repeat(records);
    const headers = { 'content-type': 'application/x-ndjson' };
    const response = await fetch(`http://127.0.0.1:${port}/v1/enrich/test`, { method: 'POST', headers, body });
    return linesOf(await response.text()).filter(({ answer }) => answer === 'done').length;
  };
  const stop = async (): Promise<unknown> => {
    child.kill('SIGTERM');
    const [code]: unknown[] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
    return code;
  };
  return { child, admin, enrich, stop, lost: () => admin.metric('millrace_log_lines_lost_total') };
}

describe.runIf(linux)('log lines that cannot be written are counted as lost, and streams continue:', () => {
  test('the program that reads it has ended', { timeout: 60_000 }, async () => {
    const { child, enrich, lost, stop } = await serveTo('pipe');
    child.stderr?.destroy();
    expect(await enrich(100, 10)).toBe(100);
    expect(await lost()).toBeGreaterThanOrEqual(99);
    expect(await stop()).toBe(0);
  });

  test('the disk is full', { timeout: 60_000 }, async () => {
    const full = openSync('/dev/full', 'w');
    const { enrich, lost, stop } = await serveTo(full);
    closeSync(full);
    expect(await enrich(100, 10)).toBe(100);
    // The line with the addresses of the listeners is one of them.
    expect(await lost()).toBe(101);
    expect(await stop()).toBe(0);
  });

  test('its pipe is full and is not read', { timeout: 60_000 }, async () => {
    const fifo = join(folderOf({}), 'log');
    execFileSync('mkfifo', [fifo]);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(fifo, 'w');
    const { admin, enrich, lost, stop } = await serveTo(writer);
    closeSync(writer);
    // 64 KiB are in the pipe, a megabyte in memory.
    expect(await enrich(400, 10_000)).toBe(400);
    const before = await lost();
    expect(before).toBeGreaterThan(250);
    expect(before).toBeLessThan(320);
    expect(await admin.metric('process_resident_memory_bytes')).toBeLessThan(1024 ** 3);
    expect(await stop()).toBe(0);
    closeSync(reader);
  });
});

test.runIf(linux)('after a partly written line the next one starts on a new line', { timeout: 60_000 }, async () => {
  const folder = folderOf({ log: '' });
  const file = join(folder, 'log');
  const fd = openSync(file, 'a');
  const { child, enrich, lost, stop } = await serveTo(fd);
  closeSync(fd);
  const size = readFileSync(file).length;
  // A file size limit of the system, in the middle of the second line.
  execFileSync('prlimit', ['--pid', String(child.pid), `--fsize=${size + 1500}:`]);
  expect(await enrich(3, 1000)).toBe(3);
  expect(await lost()).toBe(2);
  execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:']);
  expect(await enrich(1, 10)).toBe(1);
  expect(await stop()).toBe(0);
  const lines = readFileSync(file, 'utf8').split('\n');
  expect(lines.filter((line) => line.includes('"msg":"xxxxxxxxxx"'))).toHaveLength(1);
  expect(lines.find((line) => line.includes('"lost":2'))).toContain('lines of the log could not be written');
});

describe.runIf(linux)('a command whose output cannot be written', () => {
  const yaml =
    'lookups: { t: { table: { file: t.csv, key: id } } }\npipelines: { p: { enrich: [ { lookup: t, with: { id: /id }, into: /t } ] } }';

  test.each([[['schema']], [['check']], [['--help']], [['check', '--json', '--connect']]])(
    '%j ends without a stack trace if the program that reads its output has ended',
    { timeout: 60_000 },
    async (args) => {
      const folder = folderOf({ 'millrace.yaml': yaml, 't.csv': 'id\n1\n' });
      const flags = args[0] === 'check' ? ['-c', join(folder, 'millrace.yaml')] : [];
      const millrace = new Millrace([...args, ...flags]);
      millrace.child.stdout?.destroy();
      expect(await millrace.ended).toEqual([0, null]);
      expect(millrace.stderr).not.toMatch(/EPIPE|\n {4}at /);
    },
  );

  test.each([['schema'], ['check'], ['--help']])('%s reports a full disk, and exits with 1', async (command) => {
    const folder = folderOf({ 'millrace.yaml': yaml, 't.csv': 'id\n1\n' });
    const full = openSync('/dev/full', 'w');
    const args = command === 'check' ? ['-c', join(folder, 'millrace.yaml')] : [];
    const child = spawn(process.execPath, [main, command, ...args], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    const said = child.stderr?.setEncoding('utf8').toArray();
    const [code]: unknown[] = await once(child, 'exit');
    expect(code).toBe(1);
    expect((await said)?.join('')).toMatch(/^millrace: cannot write to standard output: ENOSPC: .*$/m);
  });

  test('exits with the code for mistakes even if they cannot be written', { timeout: 60_000 }, async () => {
    const folder = folderOf({});
    writeFileSync(join(folder, 'millrace.yaml'), 'pipelines: 1');
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [main, 'check', '-c', join(folder, 'millrace.yaml')], {
      stdio: ['ignore', 'ignore', full],
    });
    closeSync(full);
    expect((await once(child, 'exit'))[0]).toBe(78);
  });
});
