import { RequestError } from '../../core/errors.ts';
import type { ServiceGauges } from '../../core/observer/observer.ts';
import type { SpoolRefusal } from '../../core/vocabulary.ts';
import { SpoolBlocks } from './spool-blocks.ts';

/** Where output is spooled, and how much of it: `server.spool.dir`, `limits.spoolBytes` and `limits.spoolTotalBytes`. */
export interface SpoolLimits {
  readonly dir: string;
  /** Bytes of one stream in memory and in files, at the most. */
  readonly streamBytes: number;
  /** The same of all streams. */
  readonly totalBytes: number;
}

/**
 * The next file of a stream begins when its last one has so many bytes, or this share of the bytes that the stream has on
 * disk. A file gives its room back only when it was read to its end: short files waste little of the limits, long ones
 * are few. 1 GiB is in some 40 files. Where a stream may have little, its files are shorter.
 */
const FILE_BYTES = 4 * 1024 * 1024;
const FILE_SHARE = 1 / 8;

/** The part of a limit that is for every stream; the rest is for those whose clients certainly read late. */
const NEARLY_FULL = 7 / 8;

/** Bytes of a stream that wait in memory before a file takes them. */
const KEPT_BYTES = 256 * 1024;
/** Above it the stream should write no more until the disk has caught up. */
const FULL_BYTES = 4 * KEPT_BYTES;
/** With more than this in memory for all streams, a file takes every byte, and streams wait for the disk sooner. */
const ALL_KEPT_BYTES = 16 * 1024 * 1024;
const LEAST_FULL_BYTES = 64 * 1024;

/** The room that the spools of all streams share: bytes in memory, and the whole length of files. */
export class SpoolSpace {
  /** Memory for what is on its way to files and from them. */
  readonly blocks = new SpoolBlocks();
  readonly #limits: () => SpoolLimits;
  readonly #refused: Record<SpoolRefusal, number> = { stream_full: 0, all_full: 0, disk: 0 };
  #streams = 0;
  #bytes = 0;
  #diskBytes = 0;
  #memoryBytes = 0;
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
      diskBytes: this.#diskBytes,
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

  /** Bytes of a stream that may wait in memory. */
  get keptBytes(): number {
    return this.#memoryBytes > ALL_KEPT_BYTES ? 0 : KEPT_BYTES;
  }

  /** With so many bytes in memory, a stream should write no more. */
  get fullBytes(): number {
    return this.#memoryBytes > ALL_KEPT_BYTES ? LEAST_FULL_BYTES : FULL_BYTES;
  }

  /** A stream holds so many bytes more in memory, those included that were read from a file or are being written to one. */
  memory(bytes: number): void {
    this.#memoryBytes += bytes;
  }

  /** Bytes more wait in memory. */
  held(bytes: number): void {
    this.#bytes += bytes;
    this.#spooledBytes += bytes;
  }

  /** Bytes wait in memory no longer. */
  released(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Bytes went from memory to a file or, if negative, back. */
  stored(bytes: number): void {
    this.#diskBytes += bytes;
  }

  /** A file of so many bytes is closed. */
  freed(bytes: number): void {
    this.#diskBytes -= bytes;
    this.#bytes -= bytes;
  }

  /** How long a file of a stream becomes that has so many bytes on disk. */
  fileBytes(diskBytes: number): number {
    return Math.max(Math.min(FILE_BYTES, this.#limits().streamBytes * FILE_SHARE), diskBytes * FILE_SHARE);
  }

  /** Whether the bytes of a stream, or those of all streams, take more than this part of their limit. */
  isNearlyFull(usedBytes: number): boolean {
    const { streamBytes, totalBytes } = this.#limits();
    return usedBytes > NEARLY_FULL * streamBytes || this.#bytes > NEARLY_FULL * totalBytes;
  }

  /** Why there is no room for the bytes of a stream, or for those of all streams; undefined if there is. */
  refusal(usedBytes: number): RequestError | undefined {
    const { streamBytes, totalBytes } = this.#limits();
    if (usedBytes > streamBytes)
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
