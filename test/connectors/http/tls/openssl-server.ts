import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

/** `openssl s_server`: it shows what it reads, sends what the test writes, and obeys `K` (key update) and `r` (renegotiate). */
export class OpensslServer {
  origin = '';
  output = '';
  readonly #write: (text: string) => void;
  #changed: (() => void)[] = [];

  private constructor(args: readonly string[], cwd: string) {
    const child = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', ...args], { cwd });
    this.#write = (text) => void child.stdin.write(text, 'latin1');
    child.stdin.on('error', () => {});
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('latin1').on('data', (text: string) => {
        this.output += text;
        for (const resolve of this.#changed.splice(0)) resolve();
      });
    onTestFinished(async () => {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    });
  }

  static async start(args: readonly string[], folder: string): Promise<OpensslServer> {
    const server = new OpensslServer(args, folder);
    const [, address = ''] = await server.shows(/ACCEPT (\S+)/);
    server.origin = `https://${address}`;
    return server;
  }

  /** One write is one command, or text for the client. */
  write(text: string): void {
    this.#write(text);
  }

  /** The match of `pattern` in its output since the last match; resolves as soon as there is one. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.output);
      if (found !== null) {
        this.output = this.output.slice(found.index + found[0].length);
        return found;
      }
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }
}
