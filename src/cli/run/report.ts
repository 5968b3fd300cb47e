import type { WriteStream } from 'node:tty';
import { count } from '../../core/count.ts';
import { systemClock } from '../../core/time/time.ts';
import type { Counts } from './output/collector.ts';

/** The figures of a run at one moment. */
export interface Figures {
  readonly records: number;
  readonly failed: number;
  readonly inFlight: number | undefined;
  /** Bytes of the inputs that were read, and all bytes; undefined if the size is not known. */
  readonly bytes: { readonly read: number; readonly all: number } | undefined;
}

const everyMs = { line: 250, lines: 10_000 } as const;
const clearLine = '\r\u001B[K';

/** Shows how far a run is: one line of a terminal that is written again, or a line every 10 s. */
export class ProgressLine {
  readonly #stream: WriteStream;
  readonly #figures: () => Figures;
  readonly #startedAt: number = systemClock.now();
  readonly #first: Figures;
  #shown = false;
  #disarm: (() => void) | undefined;

  constructor(stream: WriteStream, figures: () => Figures) {
    this.#stream = stream;
    this.#figures = figures;
    this.#first = figures();
    this.#arm();
  }

  /** Writes a line of its own, which stays. */
  message(text: string): void {
    this.#clear();
    this.#stream.write(`${text}\n`);
  }

  close(): void {
    this.#disarm?.();
    this.#clear();
  }

  #arm(): void {
    const ms = this.#stream.isTTY ? everyMs.line : everyMs.lines;
    this.#disarm = systemClock.setTimer(ms, () => {
      this.#draw();
      this.#arm();
    });
  }

  #draw(): void {
    const text = progressText(this.#first, this.#figures(), systemClock.now() - this.#startedAt);
    if (this.#stream.isTTY) {
      this.#stream.write(`\r${text.slice(0, (this.#stream.columns || 80) - 1)}\u001B[K`);
      this.#shown = true;
    } else this.#stream.write(`${text}\n`);
  }

  #clear(): void {
    if (this.#shown) this.#stream.write(clearLine);
    this.#shown = false;
  }
}

/** `before` are the figures at the start, which is `ms` ago. */
function progressText(before: Figures, now: Figures, ms: number): string {
  const parts = [`${count(now.records)} records`, `${count(perSecond(now.records - before.records, ms))}/s`];
  if (now.inFlight !== undefined) parts.push(`${count(now.inFlight)} in flight`);
  parts.push(`${count(now.failed)} failed`);
  if (now.bytes !== undefined && now.bytes.all > 0) {
    const { read, all } = now.bytes;
    parts.push(`${Math.floor((100 * read) / all)}%`);
    const readNow = read - (before.bytes?.read ?? 0);
    if (readNow > 0 && read < all) parts.push(`${durationWords((ms * (all - read)) / readNow)} left`);
  }
  return parts.join('  ');
}

export interface Result extends Counts {
  readonly pipeline: string;
  readonly status: 'complete' | 'stopped' | 'failed';
  readonly read: number;
  readonly durationMs: number;
  /** Why the run failed. */
  readonly error: string | undefined;
}

/** The last lines of a run, each with its LF. */
export function resultText({ read, written, failed, failures, durationMs, status }: Result): string {
  const rate = `${durationWords(durationMs)}, ${count(perSecond(read, durationMs))}/s`;
  const end = status === 'complete' ? '' : `, ${status === 'stopped' ? 'stopped by a signal' : 'not complete'}`;
  const figures = `${count(read)} records, ${count(written)} lines written, ${count(failed)} failed`;
  const lines = [`millrace: ${figures} (${rate})${end}`];
  for (const [code, { count: ofCode, first }] of failures) {
    lines.push(`  ${code}: ${count(ofCode)}, such as line ${first.seq + 1}: ${printable(first.message)}`);
  }
  return `${lines.join('\n')}\n`;
}

export function resultJson({ failures, durationMs, ...result }: Result): string {
  const codes = Object.fromEntries(Array.from(failures, ([code, { count: ofCode }]) => [code, ofCode]));
  return `${JSON.stringify({ ...result, codes, durationMs: Math.round(durationMs) })}\n`;
}

const perSecond = (records: number, ms: number): number => (ms > 0 ? Math.round((1000 * records) / ms) : 0);

/** Control characters of a message would be obeyed by a terminal. */
const printable = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 300);

function durationWords(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
