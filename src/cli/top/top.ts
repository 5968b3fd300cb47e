import type { ReadStream, WriteStream } from 'node:tty';
import { systemClock } from '../../core/time/time.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ClientFiles } from './client-files.ts';
import { painter } from './columns.ts';
import { readState, type Seen } from './state.ts';
import { Terminal } from './terminal.ts';
import { view } from './view.ts';

export interface TopOptions {
  /** The address of the admin listener. */
  readonly url: URL;
  /** The token that is sent with each request, if there is one. */
  readonly token: () => string | undefined;
  /** For an address of https. */
  readonly files: ClientFiles;
  readonly intervalMs: number;
  /** Print one picture and end. Always so if stdout is not a terminal. */
  readonly once: boolean;
  /** Print the response of `/state` once, as one line. */
  readonly json: boolean;
  readonly color: boolean;
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
}

/**
 * `millrace top`: shows the state of a service, again at every interval, until q is typed or a signal arrives.
 *
 * Rejects if the first request for the state fails. If a later one fails, the last picture stays on the screen with the
 * reason, and `top` tries again at the next interval.
 */
export async function top(options: TopOptions): Promise<number> {
  const { url, once, json, color, stdout } = options;
  const stopped = new AbortController();
  const seen = await readState(url, options, stopped.signal);
  if (json) stdout.write(`${seen.text.trim()}\n`);
  else if (once || !stdout.isTTY) {
    const size = { columns: stdout.isTTY ? stdout.columns : Infinity, rows: Infinity };
    stdout.write(`${view({ url, seen, before: undefined, failure: undefined }, size, painter(color)).join('\n')}\n`);
  } else return watch(options, seen, stopped);
  return exitCodes.done;
}

async function watch(options: TopOptions, first: Seen, stopped: AbortController): Promise<number> {
  const { url, intervalMs, color, stdin, stdout } = options;
  const terminal = new Terminal(stdin, stdout);
  const paint = painter(color);
  let seen = first;
  let before: Seen | undefined;
  let failure: string | undefined;
  const draw = (): void => terminal.draw(view({ url, seen, before, failure }, terminal.size, paint));
  terminal.open(draw);
  void terminal.ended.then(() => stopped.abort());
  try {
    while (!stopped.signal.aborted) {
      draw();
      await pause(intervalMs, stopped.signal);
      try {
        const next = await readState(url, options, stopped.signal);
        [before, seen, failure] = [seen, next, undefined];
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error);
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
