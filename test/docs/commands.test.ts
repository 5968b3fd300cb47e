import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { allPages, type Fence, fencesOf, root } from './pages.ts';

/**
 * The marks of a block, and what is tested:
 *
 *     sh serve               starts a service, which runs until the next one or the end of the page
 *     sh runnable            a command that succeeds, or ends with another exit code (`exit=78`)
 *     text output            the standard output of the command before it; `…` stands for any text
 *     yaml file=NAME         a file that the reader writes, in any language
 *
 * The pages use the default ports, and 8090 and 8091 for a second service; here they are replaced by the ports of the
 * service that was started last. A file has the ports of the service that runs when it is written. The commands of each
 * page run in a folder of their own, which looks like a clone, so the files that they write are in no other folder.
 */
const usualPorts: Ports = { service: '127.0.0.1:8080', admin: '127.0.0.1:8081' };
/** The ports of a second service of a page, which calls the first one. */
const secondPorts: Ports = { service: '127.0.0.1:8090', admin: '127.0.0.1:8091' };

const ours = /^(serve|runnable|output|file=.+)$/;

const tested = [...allPages].flatMap(([name, text]) => {
  const all = fencesOf(text);
  const fences = all.filter(({ marks }, at) => {
    // The output of a command that another test runs (`sh image`) is checked by that test.
    const command = all.slice(0, at).findLast(({ language }) => language === 'sh');
    if (marks.includes('output')) return command?.marks.includes('runnable') === true;
    return marks.some((mark) => ours.test(mark));
  });
  return fences.length === 0 ? [] : [{ name, fences }];
});

test.each(tested)(
  'the commands of $name end and print as the page shows',
  { timeout: 120_000 },
  async ({ name, fences }) => {
    const wrong: string[] = [];
    const folder = clone();
    let ports = usualPorts;
    let stdout = '';
    for (const fence of fences) {
      const at = `${name}:${fence.line}`;
      const written = fence.marks.find((mark) => mark.startsWith('file='))?.slice('file='.length);
      if (written !== undefined) writeFileSync(join(folder, written), `${withPorts(fence.text, usualPorts, ports)}\n`);
      else if (fence.marks.includes('serve')) ports = await serve(fence, folder, at);
      else if (fence.marks.includes('output')) {
        if (!patternOf(fence.text).test(stdout)) wrong.push(`${at}: the output is\n${stdout}`);
      } else {
        const ended = await run(fence, folder, ports);
        if (ended.code !== promisedCode(fence)) wrong.push(`${at}: exit ${ended.code}\n${ended.stdout}${ended.stderr}`);
        stdout = ended.stdout;
      }
    }
    expect(wrong).toEqual([]);
  },
);

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

/** A folder with the files of a clone; it is removed at the end of the test. */
function clone(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-page-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const names = readdirSync(root).filter((name) => name !== '.git');
  for (const name of names) symlinkSync(join(root, name), join(folder, name));
  return folder;
}

function bash(command: string, cwd: string): ChildProcess {
  // A process group of its own: a signal to it also reaches the processes that npm starts.
  return spawn('bash', ['-euo', 'pipefail', '-c', command], {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

/** Calls `onText` after each chunk, with all text since the start. */
function collect(stream: NodeJS.ReadableStream | null, onText: (all: string) => void): void {
  let all = '';
  stream?.setEncoding('utf8').on('data', (text: string) => {
    all += text;
    onText(all);
  });
}

async function serve({ text }: Fence, folder: string, at: string): Promise<Ports> {
  const child = bash(`${text} --port 0 --admin-port 0`, folder);
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const closed = once(child, 'close');
    process.kill(-child.pid, 'SIGTERM');
    await closed;
  });
  let log = '';
  return new Promise((resolve, reject) => {
    collect(child.stderr, (all) => {
      log = all;
      const found = /listens on http:\/\/(\S+), admin on http:\/\/([^\s;]+)/.exec(all);
      if (found !== null) resolve({ service: found[1] ?? '', admin: found[2] ?? '' });
    });
    child.once('close', () => reject(new Error(`${at}: the service ended:\n${log}`)));
  });
}

function withPorts(text: string, usual: Ports, { service, admin }: Ports): string {
  return text.replaceAll(usual.service, service).replaceAll(usual.admin, admin);
}

async function run({ text }: Fence, folder: string, ports: Ports): Promise<Ended> {
  const child = bash(withPorts(withPorts(text, usualPorts, ports), secondPorts, ports), folder);
  let stdout = '';
  let stderr = '';
  collect(child.stdout, (all) => {
    stdout = all;
  });
  collect(child.stderr, (all) => {
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
