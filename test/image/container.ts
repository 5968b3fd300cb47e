import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageConfig, runc, state } from './programs.ts';

export const root = join(import.meta.dirname, '../..');

const pollMs = 5;

/** Waits until another process has made `holds` true. Throws after a minute; the message has `what`. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let left = 60_000; !holds(); left -= pollMs) {
    if (left <= 0) throw new Error(`this did not happen within a minute: ${what}`);
    await new Promise((wake) => setTimeout(wake, pollMs));
  }
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
}

/** Runs a shell command in the clone, where `docker` is docker.ts. Gives its exit code and its output. */
export async function shell(command: string, at: Container | undefined): Promise<Ended> {
  const child = start(command, at);
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stdin?.end();
  const [code] = await once(child, 'close');
  return { code: Number(code), stdout };
}

/** Starts the command and does not wait for it. With a container, it runs in the network of that, as `-p` makes possible. */
export function start(command: string, at: Container | undefined): ChildProcess {
  const bash = ['bash', '-euo', 'pipefail', '-c', command];
  const [program = '', ...args] = at === undefined ? bash : ['nsenter', '--net', '--target', String(at.pid), ...bash];
  return spawn(program, args, {
    cwd: root,
    env: { ...process.env, PATH: `${join(state, 'bin')}:${process.env['PATH'] ?? ''}` },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** A container that was started detached (`-d`). */
export class Container {
  readonly name: string;
  readonly pid: number;

  private constructor(name: string, pid: number) {
    this.name = name;
    this.pid = pid;
  }

  /** Resolves when the service in the container listens. */
  static async listening(name: string): Promise<Container> {
    await until(`${name} listens`, () => {
      const output = outputOf(name);
      if (exitOf(name) !== undefined) throw new Error(`${name} ended:\n${output}`);
      return output.includes('millrace listens on ');
    });
    const { pid }: { pid: number } = JSON.parse(runc(['state', name]));
    return new Container(name, pid);
  }

  get output(): string {
    return outputOf(this.name);
  }

  get running(): boolean {
    return exitOf(this.name) === undefined;
  }

  /** A field of /proc/PID/status, such as `VmRSS`. */
  status(field: string): string {
    const text = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
  }

  mebibytes(field: string): number {
    return Math.round(Number.parseInt(this.status(field), 10) / 1024);
  }

  get commandLine(): readonly string[] {
    return readFileSync(`/proc/${this.pid}/cmdline`, 'utf8').split('\0');
  }

  /** How long ago the process was started, in seconds. When `serve` starts itself again, that does not count as a start. */
  get ageSeconds(): number {
    const [uptime = ''] = readFileSync('/proc/uptime', 'utf8').split(' ');
    // proc(5): the 22nd field; the second is in parentheses and may hold spaces. 100 ticks are a second on Linux.
    const ticks = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19];
    return Number(uptime) - Number(ticks) / 100;
  }

  /** Runs a program in the container. True if it succeeded. */
  succeeds(command: readonly string[]): boolean {
    const { status } = spawnSync('runc', ['--root', join(state, 'runc'), 'exec', this.name, ...command]);
    return status === 0;
  }

  /** Runs the health check of the image in the container. */
  healthy(image: string): boolean {
    const [kind, ...command] = imageConfig(image).Healthcheck.Test;
    if (kind !== 'CMD') throw new Error(`the health check is ${kind}, which needs a shell`);
    return this.succeeds(command);
  }
}

function fileOf(name: string, file: string): string {
  try {
    return readFileSync(join(state, 'containers', name, file), 'utf8');
  } catch {
    return '';
  }
}

function outputOf(name: string): string {
  return fileOf(name, 'output');
}

/** The exit code of a container; undefined while it runs. */
export function exitOf(name: string): number | undefined {
  const text = fileOf(name, 'exit').trim();
  return text === '' ? undefined : Number(text);
}
