import type { RequestError } from '../../core/errors.ts';
import { SpoolFile } from './spool-file.ts';
import type { SpoolSpace } from './spool-space.ts';

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
 *
 * The flushing bytes are being written to the last file, and the head was read from the first one.
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
  #totalBytes = 0;
  /** Bytes in memory that the space knows of. */
  #knownHeldBytes = 0;
  #writing = false;
  #reading = false;
  #failed = false;
  #broken = false;
  #closed = false;

  constructor(space: SpoolSpace, events: SpoolQueueEvents) {
    this.#space = space;
    this.#events = events;
  }

  /** Bytes that were pushed. */
  get totalBytes(): number {
    return this.#totalBytes;
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
    return this.#failed || this.#flushingBytes + this.#tailBytes < this.#space.fullBytes;
  }

  /** Whether little is left of a limit. */
  get nearlyFull(): boolean {
    return this.#space.isNearlyFull(this.#tailBytes + this.#diskBytes);
  }

  /** Takes a chunk, which must not change. */
  push(chunk: Buffer): void {
    this.#space.held(chunk.byteLength);
    this.#bytes += chunk.byteLength;
    this.#totalBytes += chunk.byteLength;
    this.#tail.push(chunk);
    this.#tailBytes += chunk.byteLength;
    const full = this.#failed ? undefined : this.#space.refusal(this.#tailBytes + this.#diskBytes);
    if (full !== undefined) this.#fail(full);
    this.#noteHeld();
    this.#flush();
  }

  /** The next bytes; undefined if there are none, or if they are still to be read: `changed` follows. */
  take(): Buffer | undefined {
    if (this.#broken) return undefined;
    const head = this.#head;
    if (head !== undefined) {
      this.#head = undefined;
      this.#bytes -= head.byteLength;
      this.#dropRead();
      this.#noteHeld();
      // The next bytes are read while these are sent.
      if (this.#hasFileBytes) void this.#read();
      return head;
    }
    if (this.#hasFileBytes) {
      void this.#read();
      return undefined;
    }
    if (this.#reading || this.#flushing.length > 0) return undefined;
    const next = this.#tail.shift();
    if (next === undefined) return undefined;
    this.#tailBytes -= next.byteLength;
    this.#bytes -= next.byteLength;
    this.#space.released(next.byteLength);
    this.#noteHeld();
    return next;
  }

  /** Drops everything, and gives the disk its room back. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#space.released(this.#tailBytes);
    this.#bytes = 0;
    this.#head = undefined;
    this.#tail = [];
    this.#tailBytes = 0;
    this.#noteHeld();
    for (const file of this.#files.splice(0)) file.close();
  }

  #noteHeld(): void {
    const { heldBytes } = this;
    this.#space.memory(heldBytes - this.#knownHeldBytes);
    this.#knownHeldBytes = heldBytes;
  }

  get #hasFileBytes(): boolean {
    return this.#files.some(({ waitingBytes }) => waitingBytes > 0);
  }

  /** What the files take on disk, bytes that were read included. */
  get #diskBytes(): number {
    return this.#files.reduce((sum, { length }) => sum + length, 0);
  }

  /** Writes what is in memory to a file if it is too much, one write after the other. */
  #flush(): void {
    if (this.#tailBytes <= this.#space.keptBytes || this.#writing || this.#failed || this.#closed) return;
    this.#writing = true;
    void this.#write();
  }

  async #write(): Promise<void> {
    let failure: unknown;
    try {
      const file = await this.#lastFile();
      // Bytes over a limit stay in memory.
      if (this.#failed) return this.#written();
      this.#flushing = this.#tail;
      this.#flushingBytes = this.#tailBytes;
      this.#tail = [];
      this.#tailBytes = 0;
      // One call for all chunks: each is a trip to another thread.
      await file?.append(Buffer.concat(this.#flushing));
    } catch (error) {
      failure = error;
      // What could not be written stays in memory, in its place.
      if (!this.#closed) {
        this.#tail = [...this.#flushing, ...this.#tail];
        this.#tailBytes += this.#flushingBytes;
      }
    }
    this.#written();
    if (this.#closed) return;
    if (failure !== undefined) return this.#fail(this.#space.failed(failure));
    this.#flush();
    this.#events.changed();
  }

  #written(): void {
    this.#writing = false;
    this.#flushing = [];
    this.#flushingBytes = 0;
    this.#noteHeld();
    this.#dropRead();
  }

  /** Undefined if the queue was closed meanwhile. */
  async #lastFile(): Promise<SpoolFile | undefined> {
    const last = this.#files.at(-1);
    if (last !== undefined && last.length < this.#space.fileBytes(this.#diskBytes)) return last;
    const file = await SpoolFile.create(this.#space);
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
      this.#noteHeld();
      this.#events.changed();
    } catch (error) {
      if (this.#closed) return;
      this.#broken = true;
      this.#fail(this.#space.failed(error));
    }
  }

  /** Closes the files whose last byte was taken. The one that is written stays. */
  #dropRead(): void {
    if (this.#head !== undefined || this.#reading) return;
    while (this.#files[0]?.waitingBytes === 0 && (this.#files.length > 1 || !this.#writing))
      this.#files.shift()?.close();
  }

  #fail(error: RequestError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#events.failed(error);
  }
}
