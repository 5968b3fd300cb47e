import type { RequestError } from '../../core/errors.ts';
import { SpoolFile } from './spool-file.ts';
import type { SpoolSpace } from './spool-space.ts';

/** Bytes that wait in memory before a file takes them. */
const MEMORY_BYTES = 256 * 1024;
/** Above it no more should be written until the disk has caught up. */
const FULL_BYTES = 4 * MEMORY_BYTES;
/** After so many bytes the next file begins: a file that was read to its end gives its room back. */
const FILE_BYTES = 64 * 1024 * 1024;
const READ_BYTES = 64 * 1024;

export interface SpoolQueueEvents {
  /** `take` has bytes, or `hasRoom` is true again. */
  changed(): void;
  /** No more is taken. What waits can still be taken, unless a file cannot be read. Called once. */
  failed(error: RequestError): void;
}

/**
 * Output that waits for its reader, in order: a little in memory, the rest in files.
 *
 *     take ◀─ [ head ] ◀─ file, file ◀─ [ flushing ] ◀─ [ tail ] ◀─ push
 *              memory        disk          memory        memory
 */
export class SpoolQueue {
  readonly #space: SpoolSpace;
  readonly #events: SpoolQueueEvents;
  #head: Buffer | undefined;
  /** The oldest first. The last one is written. */
  readonly #files: SpoolFile[] = [];
  #flushing: Buffer[] = [];
  #flushingBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #bytes = 0;
  #reading = false;
  #failed = false;
  #broken = false;
  #closed = false;

  constructor(space: SpoolSpace, events: SpoolQueueEvents) {
    this.#space = space;
    this.#events = events;
  }

  /** All bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Those in memory. */
  get heldBytes(): number {
    return (this.#head?.byteLength ?? 0) + this.#flushingBytes + this.#tailBytes;
  }

  /** Whether bytes that wait are lost: `take` has none from then on. */
  get broken(): boolean {
    return this.#broken;
  }

  get hasRoom(): boolean {
    return this.#failed || this.#flushingBytes + this.#tailBytes < FULL_BYTES;
  }

  /** Takes a chunk, which must not change. */
  push(chunk: Buffer): void {
    this.#space.add(chunk.byteLength);
    this.#bytes += chunk.byteLength;
    this.#tail.push(chunk);
    this.#tailBytes += chunk.byteLength;
    const full = this.#failed ? undefined : this.#space.refusal(this.#bytes);
    if (full !== undefined) this.#fail(full);
    this.#flush();
  }

  /** The next bytes; undefined if there are none, or if they are still to be read: `changed` follows. */
  take(): Buffer | undefined {
    if (this.#broken) return undefined;
    const head = this.#head;
    if (head !== undefined) {
      this.#head = undefined;
      return this.#taken(head);
    }
    if (this.#files.some(({ waitingBytes }) => waitingBytes > 0)) {
      void this.#read();
      return undefined;
    }
    if (this.#reading || this.#flushing.length > 0) return undefined;
    const next = this.#tail.shift();
    if (next === undefined) return undefined;
    this.#tailBytes -= next.byteLength;
    return this.#taken(next);
  }

  /** Drops everything, and gives the disk its room back. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#space.remove(this.#bytes);
    this.#bytes = 0;
    this.#head = undefined;
    this.#tail = [];
    this.#tailBytes = 0;
    for (const file of this.#files.splice(0)) file.close();
  }

  #taken(bytes: Buffer): Buffer {
    this.#bytes -= bytes.byteLength;
    this.#space.remove(bytes.byteLength);
    return bytes;
  }

  /** Writes what is in memory to a file if it is too much, one write after the other. */
  #flush(): void {
    if (this.#tailBytes <= MEMORY_BYTES || this.#flushing.length > 0 || this.#failed || this.#closed) return;
    this.#flushing = this.#tail;
    this.#flushingBytes = this.#tailBytes;
    this.#tail = [];
    this.#tailBytes = 0;
    void this.#write();
  }

  async #write(): Promise<void> {
    try {
      const file = await this.#lastFile();
      await file?.append(this.#flushing);
    } catch (error) {
      if (this.#closed) return;
      // What could not be written stays in memory, in its place.
      this.#tail = [...this.#flushing, ...this.#tail];
      this.#tailBytes += this.#flushingBytes;
      this.#flushed();
      this.#fail(this.#space.failed(error));
      return;
    }
    this.#flushed();
    if (this.#closed) return;
    this.#flush();
    this.#events.changed();
  }

  #flushed(): void {
    this.#flushing = [];
    this.#flushingBytes = 0;
  }

  /** Undefined if the queue was closed meanwhile. */
  async #lastFile(): Promise<SpoolFile | undefined> {
    const last = this.#files.at(-1);
    if (last !== undefined && last.writtenBytes < FILE_BYTES) return last;
    const file = await SpoolFile.create(this.#space.dir);
    if (this.#closed) {
      file.close();
      return undefined;
    }
    this.#files.push(file);
    return file;
  }

  async #read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      const bytes = await this.#files.find(({ waitingBytes }) => waitingBytes > 0)?.read(READ_BYTES);
      this.#reading = false;
      if (this.#closed) return;
      this.#head = bytes;
      this.#dropRead();
      this.#events.changed();
    } catch (error) {
      if (this.#closed) return;
      this.#broken = true;
      this.#fail(this.#space.failed(error));
    }
  }

  /** Closes the files that were read to their end. That which is being written stays. */
  #dropRead(): void {
    while (this.#files.length > 0 && this.#flushing.length === 0 && this.#files[0]?.waitingBytes === 0)
      this.#files.shift()?.close();
  }

  #fail(error: RequestError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#events.failed(error);
  }
}
