import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { allPages, type Fence, fencesOf, root } from './pages.ts';

/**
 * What a block's marks promise:
 *
 *     sh serve               a service, which runs for the blocks behind it
 *     sh runnable            a command that succeeds; `exit=78` another exit code
 *     text output            what the command before it writes to stdout; `…` is any text
 *     yaml file=NAME         a file that the reader writes, of any language
 *
 * Commands name the usual ports; here they get those of the service that runs. Each page has a folder of its own,
 * which looks like a clone: what its commands write is nowhere else.
 */
const usualPorts: Ports = { service: '127.0.0.1:8080', admin: '127.0.0.1:8081' };

const ours = /^(serve|runnable|output|file=.+)$/;

const tested = [...allPages].flatMap(([name, text]) => {
  const all = fencesOf(text);
  const fences = all.filter(({ marks }, at) => {
    // What another test runs, such as `sh image`, is compared there.
    const command = all.slice(0, at).findLast(({ language }) => language === 'sh');
    if (marks.includes('output')) return command?.marks.includes('runnable') === true;
    return marks.some((mark) => ours.test(mark));
  });
  return fences.length === 0 ? [] : [{ name, fences }];
});

test.each(tested)('the commands of $name do what it says', { timeout: 120_000 }, async ({ name, fences }) => {
  const wrong: string[] = [];
  const folder = clone();
  let ports = usualPorts;
  let stdout = '';
  for (const fence of fences) {
    const at = `${name}:${fence.line}`;
    const written = fence.marks.find((mark) => mark.startsWith('file='))?.slice('file='.length);
    if (written !== undefined) writeFileSync(join(folder, written), `${fence.text}\n`);
    else if (fence.marks.includes('serve')) ports = await started(fence, folder, at);
    else if (fence.marks.includes('output')) {
      if (!patternOf(fence.text).test(stdout)) wrong.push(`${at}: the output is\n${stdout}`);
    } else {
      const ended = await finished(fence, folder, ports);
      if (ended.code !== promisedCode(fence)) wrong.push(`${at}: exit ${ended.code}\n${ended.stdout}${ended.stderr}`);
      stdout = ended.stdout;
    }
  }
  expect(wrong).toEqual([]);
});

interface Ports {
  readonly service: string;
  readonly admin: string;
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function promisedCode({ marks }: Fence): number {
  return Number(marks.find((mark) => mark.startsWith('exit='))?.slice('exit='.length) ?? 0);
}

/** A folder with what a clone has, until the end of the test. */
function clone(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-page-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const there = readdirSync(root).filter((name) => name !== '.git');
  for (const name of there) symlinkSync(join(root, name), join(folder, name));
  return folder;
}

function bash(command: string, cwd: string): ChildProcess {
  // A group of its own, so that what npm starts ends with it.
  return spawn('bash', ['-euo', 'pipefail', '-c', command], {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

function heard(stream: NodeJS.ReadableStream | null, hear: (all: string) => void): void {
  let all = '';
  stream?.setEncoding('utf8').on('data', (text: string) => {
    all += text;
    hear(all);
  });
}

async function started({ text }: Fence, folder: string, at: string): Promise<Ports> {
  const child = bash(`${text} --port 0 --admin-port 0`, folder);
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const closed = once(child, 'close');
    process.kill(-child.pid, 'SIGTERM');
    await closed;
  });
  let said = '';
  return new Promise((resolve, reject) => {
    heard(child.stderr, (all) => {
      said = all;
      const found = /listens on http:\/\/(\S+), admin on http:\/\/([^\s;]+)/.exec(all);
      if (found !== null) resolve({ service: found[1] ?? '', admin: found[2] ?? '' });
    });
    child.once('close', () => reject(new Error(`${at}: the service ended:\n${said}`)));
  });
}

async function finished({ text }: Fence, folder: string, { service, admin }: Ports): Promise<Ended> {
  const child = bash(text.replaceAll(usualPorts.service, service).replaceAll(usualPorts.admin, admin), folder);
  let stdout = '';
  let stderr = '';
  heard(child.stdout, (all) => {
    stdout = all;
  });
  heard(child.stderr, (all) => {
    stderr = all;
  });
  const [code] = await once(child, 'close');
  return { code: Number(code), stdout: stdout.replaceAll('\r\n', '\n'), stderr };
}

function patternOf(output: string): RegExp {
  const parts = output.trim().split('…');
  return new RegExp(
    String.raw`^\s*${parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)).join(String.raw`[\s\S]*?`)}\s*$`,
  );
}
