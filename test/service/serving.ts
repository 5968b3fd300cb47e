import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Admin } from './admin.ts';

export const root = join(import.meta.dirname, '../..');
const sources = join(root, 'src/cli/main.ts');

export interface ProcessOptions {
  readonly main?: string;
  /** Options of Node. */
  readonly node?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** The number of files that the process may open (`ulimit -n`); default: that of this process. */
  readonly openFiles?: number | undefined;
  /** A command that runs the process, which keeps its id: the arguments of the process follow those of the command. */
  readonly within?: readonly string[];
  /** Whether the test writes its standard input, which is empty by default. */
  readonly input?: boolean;
}

/** A `millrace` command in a process of its own. It is ended with the test, if it has not ended before. */
export class Millrace {
  readonly child: ChildProcess;
  /** Its output so far. */
  stdout = '';
  stderr = '';
  /** Exit code and signal; resolves when both streams have been read to their end. */
  readonly ended: Promise<readonly [code: number | null, signal: string | null]>;
  #changed: (() => void)[] = [];

  constructor(
    args: readonly string[],
    { main = sources, node = [], env = {}, openFiles, within = [], input = false }: ProcessOptions = {},
  ) {
    const command = [...within, process.execPath, ...node, main, ...args];
    const limit = openFiles === undefined ? '' : `ulimit -n ${openFiles} && `;
    const child = spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', ...command], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#change();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#change();
    });
    this.ended = once(child, 'close').then(([code, signal]) => {
      this.#change();
      return [code as number | null, signal as string | null];
    });
    onTestFinished(async () => {
      if (this.#over) return;
      child.kill('SIGKILL');
      await this.ended;
    });
  }

  get running(): boolean {
    return !this.#over;
  }

  get #over(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** The match of `pattern` in stderr; resolves as soon as there is one. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.stderr);
      if (found !== null) return found;
      if (this.#over) throw new Error(`ended without ${pattern}:\n${this.stderr}`);
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  #change(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

/** A running `millrace serve`. */
export class Serving extends Millrace {
  url = '';
  admin = new Admin('');

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Largest resident set of the process so far, in bytes; undefined if the system does not report it. */
  peakBytes(): number | undefined {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(this.#status())?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  }

  #status(): string {
    try {
      return readFileSync(`/proc/${this.child.pid}/status`, 'latin1');
    } catch {
      return '';
    }
  }
}

/** Writes files to a new folder, which is removed at the end of the test. Returns the folder. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-service-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

const anyPort = ['--host', '127.0.0.1', '--port', '0', '--admin-host', '127.0.0.1', '--admin-port', '0'];

/** Runs `millrace serve -c millrace.yaml` on free ports, in a folder with these files. Resolves when it listens. */
export function serve(files: Readonly<Record<string, string>>, main = sources): Promise<Serving> {
  return serveFolder(folderOf(files), main);
}

/** The same in an existing folder. */
export async function serveFolder(
  folder: string,
  main = sources,
  flags = anyPort,
  options: ProcessOptions = {},
): Promise<Serving> {
  const serving = new Serving(['serve', '-c', join(folder, 'millrace.yaml'), ...flags], { main, ...options });
  const [, url = '', adminUrl = ''] = await serving.says(/millrace listens on (https?:\S+), admin on (https?:[^\s;]+)/);
  serving.url = url;
  serving.admin = new Admin(adminUrl);
  return serving;
}
