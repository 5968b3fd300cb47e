import { count } from '../core/count.ts';

/** Text in colours, or unchanged without them. */
export interface Paint {
  readonly dim: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

export function paint(color: boolean): Paint {
  const style = (code: number) => (text: string) => (color ? `\u001B[${code}m${text}\u001B[0m` : text);
  return { dim: style(2), strong: style(1), good: style(32), bad: style(31) };
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
export const milliseconds = (ms: number | undefined): string =>
  ms === undefined ? '-' : `${ms < 100 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
export const mebibytes = (bytes: number): string => `${count(bytes / 1024 ** 2)} MiB`;

export type Row = readonly [label: string, ...values: readonly string[]];

/** A table: labels are aligned to the left, values to the right; a column is as wide as its widest value. */
export function table(head: Row, rows: readonly Row[], { dim, strong }: Paint): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: Row): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[column] ?? 0) + 4)))
      .join('');
  const rule = '─'.repeat(line(head).length);
  return [strong(line(head)), dim(rule), ...rows.map(line)].map((text) => `  ${text}\n`).join('');
}

/** One line that replaces itself. Writes nothing if the stream is not a terminal. */
export class ProgressLine {
  readonly #stream: NodeJS.WritableStream;
  readonly #tty: boolean;

  constructor(stream: NodeJS.WritableStream, tty: boolean) {
    this.#stream = stream;
    this.#tty = tty;
  }

  show(text: string): void {
    if (this.#tty) this.#stream.write(`\r\u001B[2K${text}`);
  }

  clear(): void {
    this.show('');
  }
}

const barWidth = 24;

export function bar(share: number): string {
  const full = Math.round(barWidth * Math.min(1, share));
  return '█'.repeat(full) + '░'.repeat(barWidth - full);
}
