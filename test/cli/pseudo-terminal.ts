import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export interface Left {
  readonly exitCode: number;
  /** Whether the terminal is in its original mode. */
  readonly restored: boolean;
}

/** A command on a terminal of its own; it is ended with the test. */
export class PseudoTerminal {
  /** All text that was written to it. */
  shown = '';
  readonly left: Promise<Left>;
  readonly #child: ChildProcessWithoutNullStreams;
  #ended = false;
  #changed: (() => void)[] = [];

  constructor(
    { rows, columns, env = {} }: { rows: number; columns: number; env?: Readonly<Record<string, string>> },
    ...command: readonly string[]
  ) {
    const script = join(import.meta.dirname, 'terminal.py');
    const child = spawn('python3', [script, String(rows), String(columns), ...command], {
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', TERM: 'xterm-256color', ...env },
    });
    this.#child = child;
    let told = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      told += text;
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.shown += text;
      this.#change();
    });
    this.left = once(child, 'close').then(() => {
      this.#ended = true;
      this.#change();
      return JSON.parse(told) as Left;
    });
    // Calls that read the screen report the error; at the end of the test the process is killed.
    this.left.catch(() => {});
    onTestFinished(() => void child.kill('SIGKILL'));
  }

  /** The lines of the last picture, without control sequences. */
  get frame(): readonly string[] {
    const text = this.shown.slice(this.shown.lastIndexOf('\u001B[H') + 1);
    // oxlint-disable-next-line no-control-regex
    return text.replaceAll(/\u001B?\[[?\d;]*[A-Za-z]/g, '').split(/\r*\n/);
  }

  type(text: string): void {
    this.#child.stdin.write(`type ${text}\n`);
  }

  resize(rows: number, columns: number): void {
    this.#child.stdin.write(`resize ${rows} ${columns}\n`);
  }

  signal(number: number): void {
    this.#child.stdin.write(`signal ${number}\n`);
  }

  /** Resolves when `condition` holds; it is checked after each write. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#ended) throw new Error(`the command has ended:\n${this.shown}`);
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  #change(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}
