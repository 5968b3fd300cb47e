import type { ReadStream, WriteStream } from 'node:tty';

/** Why `top` ends. */
export type Ending = 'q' | 'SIGINT' | 'SIGTERM';

const escape = '\u001B[';
/** The alternate screen without a cursor, with long lines not wrapped; and the reverse. */
const enter = `${escape}?1049h${escape}?25l${escape}?7l`;
const leave = `${escape}?7h${escape}?25h${escape}?1049l`;

const ctrlC = '\u0003';

/**
 * The terminal as a canvas. `close` restores what was on it before; it is also called if the process ends by an error. A
 * key that is typed is not echoed: ctrl-c is read as a character, and counts as SIGINT.
 */
export class Terminal {
  readonly #stdin: ReadStream;
  readonly #stdout: WriteStream;
  readonly ended: Promise<Ending>;
  #end: (ending: Ending) => void = () => {};
  #open = false;

  constructor(stdin: ReadStream, stdout: WriteStream) {
    this.#stdin = stdin;
    this.#stdout = stdout;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get size(): { columns: number; rows: number } {
    return { columns: this.#stdout.columns || 80, rows: this.#stdout.rows || 24 };
  }

  open(onResize: () => void): void {
    this.#open = true;
    process.once('exit', this.close);
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
    this.#stdout.on('resize', onResize);
    this.#stdout.write(enter);
    if (!this.#stdin.isTTY) return;
    this.#stdin.setRawMode(true);
    this.#stdin.on('data', this.#onKey);
    this.#stdin.resume();
  }

  /** Replaces the lines in place, so that nothing flickers. */
  draw(lines: readonly string[]): void {
    if (!this.#open) return;
    this.#stdout.write(`${escape}H${lines.map((line) => `${line}${escape}K`).join('\r\n')}${escape}J`);
  }

  readonly close = (): void => {
    if (!this.#open) return;
    this.#open = false;
    process.removeListener('exit', this.close);
    process.removeListener('SIGINT', this.#onSignal);
    process.removeListener('SIGTERM', this.#onSignal);
    this.#stdout.removeAllListeners('resize');
    if (this.#stdin.isTTY) {
      this.#stdin.setRawMode(false);
      this.#stdin.removeListener('data', this.#onKey);
      this.#stdin.pause();
    }
    this.#stdout.write(leave);
  };

  readonly #onSignal = (signal: NodeJS.Signals): void => this.#end(signal === 'SIGTERM' ? 'SIGTERM' : 'SIGINT');

  readonly #onKey = (keys: Buffer): void => {
    const typed = keys.toString('latin1');
    if (typed.includes(ctrlC)) this.#end('SIGINT');
    else if (/q/i.test(typed)) this.#end('q');
  };
}
