import { RequestError } from '../../core/errors.ts';
import type { ServiceGauges } from '../../core/observer/observer.ts';
import type { SpoolRefusal } from '../../core/vocabulary.ts';

/** Where output is spooled, and how much of it: `server.spool.dir`, `limits.spoolBytes` and `limits.spoolTotalBytes`. */
export interface SpoolLimits {
  readonly dir: string;
  /** Bytes of one stream that wait, at the most. */
  readonly streamBytes: number;
  /** Bytes of all streams that wait, at the most. */
  readonly totalBytes: number;
}

/** The room that the spools of all streams share. */
export class SpoolSpace {
  readonly #limits: () => SpoolLimits;
  readonly #refused: Record<SpoolRefusal, number> = { stream_full: 0, all_full: 0, disk: 0 };
  #streams = 0;
  #bytes = 0;
  #spooledBytes = 0;

  /** `limits` is read each time: a reload changes them. */
  constructor(limits: () => SpoolLimits) {
    this.#limits = limits;
  }

  get dir(): string {
    return this.#limits().dir;
  }

  get gauges(): ServiceGauges['spool'] {
    return {
      streams: this.#streams,
      bytes: this.#bytes,
      limitBytes: this.#limits().totalBytes,
      spooledBytes: this.#spooledBytes,
      refused: { ...this.#refused },
    };
  }

  opened(): void {
    this.#streams += 1;
  }

  closed(): void {
    this.#streams -= 1;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#spooledBytes += bytes;
  }

  /** Why there is no room for all bytes that wait, those of one stream or of all; undefined if there is. */
  refusal(waitingBytes: number): RequestError | undefined {
    const { streamBytes, totalBytes } = this.#limits();
    if (waitingBytes > streamBytes)
      return this.#refuse(
        'stream_full',
        `the client reads nothing while it sends, and more output waits for it than limits.spoolBytes allows (${streamBytes} bytes): send smaller parts, or read while you send`,
      );
    if (this.#bytes <= totalBytes) return undefined;
    return this.#refuse(
      'all_full',
      `the client reads nothing while it sends, and more output waits for all such clients than limits.spoolTotalBytes allows (${totalBytes} bytes): try again later, send smaller parts, or read while you send`,
    );
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** A file could not be made, written or read. */
  failed(error: unknown): RequestError {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const hint = hints.get(code) ?? 'see server.spool.dir';
    return this.#refuse('disk', `the output of a client that reads nothing could not be spooled: ${hint} (${code})`);
  }

  #refuse(why: SpoolRefusal, message: string): RequestError {
    this.#refused[why] += 1;
    return new RequestError('spool_full', message);
  }
}

const hints = new Map([
  ['ENOSPC', 'the disk of server.spool.dir is full'],
  ['EDQUOT', 'the quota of the disk of server.spool.dir is used up'],
  ['ENOENT', 'the directory server.spool.dir does not exist'],
  ['ENOTDIR', 'server.spool.dir is not a directory'],
  ['EACCES', 'server.spool.dir may not be written to'],
  ['EROFS', 'server.spool.dir is on a file system that cannot be written to'],
  ['EMFILE', 'the process may open no more files (ulimit -n)'],
  ['ENFILE', 'the system may open no more files'],
  ['EIO', 'the disk of server.spool.dir has an error'],
]);
