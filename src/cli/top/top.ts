import type { ReadStream, WriteStream } from 'node:tty';
import { systemClock } from '../../core/time/time.ts';
import { exitCodes } from '../exit-codes.ts';
import { painter } from './columns.ts';
import { askState, type Seen } from './state.ts';
import { Terminal } from './terminal.ts';
import { view } from './view.ts';

export interface TopOptions {
  /** Of the admin listener. */
  readonly url: URL;
  readonly intervalMs: number;
  /** One picture, without taking the screen; always so where stdout is no terminal. */
  readonly once: boolean;
  /** What `/state` gave, once, as one line. */
  readonly json: boolean;
  readonly color: boolean;
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
}

/**
 * `millrace top`: what the service does, looked at again and again until q is typed or a signal comes.
 *
 * Rejects where it can not be asked at first; a service that goes away later is asked again, and what was last seen of
 * it stays on the screen.
 */
export async function top(options: TopOptions): Promise<number> {
  const { url, once, json, color, stdout } = options;
  const stopped = new AbortController();
  const seen = await askState(url, stopped.signal);
  if (json) stdout.write(`${seen.text.trim()}\n`);
  else if (once || !stdout.isTTY) {
    const size = { columns: stdout.isTTY ? stdout.columns : Infinity, rows: Infinity };
    stdout.write(`${view({ url, seen, before: undefined, trouble: undefined }, size, painter(color)).join('\n')}\n`);
  } else return watch(options, seen, stopped);
  return exitCodes.done;
}

async function watch(
  { url, intervalMs, color, stdin, stdout }: TopOptions,
  first: Seen,
  stopped: AbortController,
): Promise<number> {
  const terminal = new Terminal(stdin, stdout);
  const paint = painter(color);
  let seen = first;
  let before: Seen | undefined;
  let trouble: string | undefined;
  const draw = (): void => terminal.draw(view({ url, seen, before, trouble }, terminal.size, paint));
  terminal.open(draw);
  void terminal.ended.then(() => stopped.abort());
  try {
    while (!stopped.signal.aborted) {
      draw();
      await pause(intervalMs, stopped.signal);
      try {
        const next = await askState(url, stopped.signal);
        [before, seen, trouble] = [seen, next, undefined];
      } catch (error) {
        trouble = error instanceof Error ? error.message : String(error);
      }
    }
  } finally {
    terminal.close();
  }
  const ending = await terminal.ended;
  return ending === 'q' ? exitCodes.done : exitCodes[ending];
}

function pause(ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      disarm();
      resolve();
    };
    const disarm = systemClock.setTimer(ms, () => {
      stopped.removeEventListener('abort', stop);
      resolve();
    });
    stopped.addEventListener('abort', stop, { once: true });
  });
}
