import { fstatSync, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';

/** The stream that the log is written to: standard error, which may be a pipe, a socket, a terminal or a file. */
export type LogStream = Writable & { readonly fd: number; readonly isTTY?: boolean };

/** Bytes that wait for a slow reader, at most; lines beyond that are lost. */
const maxWaitingBytes = 1024 * 1024;

/**
 * Writes the lines of the log. It neither throws nor waits for the reader: a line that cannot be written is lost and
 * counted.
 *
 *     pipe, socket   written at once while there is room, else kept in memory up to a bound; lost if the reader has gone
 *     file           written at once; lost if the disk is full
 */
export class LogOutput {
  readonly #stream: LogStream;
  /** The method as it was at the start: a user's module may replace `process.stderr.write` with one that throws. */
  readonly #writeToStream: LogStream['write'];
  /** The descriptor of a file, which is written directly: its stream does not report that half of a line was written. */
  readonly #file: number | undefined;
  readonly #written = (error: Error | null | undefined): void => this.#settled(error ?? undefined);
  #waiting = 0;
  #lost = 0;
  #unreported = 0;
  #report: ((lines: number) => void) | undefined;
  /** The last line was written in part. */
  #halfLine = false;
  #idle: (() => void)[] = [];

  constructor(stream: LogStream) {
    this.#stream = stream;
    this.#writeToStream = stream.write.bind(stream);
    this.#file = isFile(stream) ? stream.fd : undefined;
    // Each write reports its own error.
    stream.on('error', () => {});
  }

  /** The number of lines that could not be written, since the start. */
  get lost(): number {
    return this.#lost;
  }

  /** `report` is called when a line is written again after lines were lost, with the number of lost lines. */
  onRecovery(report: (lost: number) => void): void {
    this.#report = report;
  }

  write(line: string): void {
    if (this.#file !== undefined) return this.#settled(this.#writeToFile(this.#file, line));
    if (this.#stream.writableLength > maxWaitingBytes) return this.#lose();
    this.#waiting++;
    this.#writeToStream(line, this.#written);
  }

  /** Resolves when every line was written or lost. */
  flushed(): Promise<void> {
    if (this.#waiting === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #writeToFile(fd: number, line: string): unknown {
    const bytes = Buffer.from(this.#halfLine ? `\n${line}` : line);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(fd, bytes, written);
      this.#halfLine = false;
      return undefined;
    } catch (error) {
      // The next write begins a new line.
      if (written > 0) this.#halfLine = true;
      return error;
    }
  }

  #settled(error: unknown): void {
    if (this.#file === undefined) this.#waiting--;
    if (error !== undefined) this.#lose();
    else if (this.#unreported > 0) {
      const lost = this.#unreported;
      this.#unreported = 0;
      this.#report?.(lost);
    }
    if (this.#waiting === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #lose(): void {
    this.#lost++;
    this.#unreported++;
  }
}

/** A file, or a device such as /dev/null. */
function isFile({ fd, isTTY = false }: LogStream): boolean {
  const stats = fstatSync(fd);
  return !isTTY && !stats.isFIFO() && !stats.isSocket();
}
