import type { RequestError } from '../../core/errors.ts';
import { SpoolTail, type TakenBlocks } from './spool-blocks.ts';
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
  /** The memory that the head is in, and that of the head that was taken last. */
  #headMemory: Buffer | undefined;
  #takenMemory: Buffer | undefined;
  /** The oldest first. The last one is written. */
  readonly #files: SpoolFile[] = [];
  #flushing: TakenBlocks | undefined;
  readonly #tail: SpoolTail;
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
    this.#tail = new SpoolTail(space.blocks);
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
    return (this.#head?.byteLength ?? 0) + this.#unwrittenBytes;
  }

  /** Whether bytes that wait are lost: `take` has none from then on. */
  get broken(): boolean {
    return this.#broken;
  }

  get hasRoom(): boolean {
    return this.#failed || this.#unwrittenBytes < this.#space.fullBytes;
  }

  /** Whether little is left of a limit. */
  get nearlyFull(): boolean {
    return this.#space.isNearlyFull(this.#tail.bytes + this.#diskBytes);
  }

  get #unwrittenBytes(): number {
    return (this.#flushing?.bytes ?? 0) + this.#tail.bytes;
  }

  /** Copies output. Returns its length in bytes. */
  push(output: string | Uint8Array): number {
    const length = this.#tail.push(output);
    this.#space.held(length);
    this.#bytes += length;
    this.#totalBytes += length;
    const full = this.#failed ? undefined : this.#space.refusal(this.#tail.bytes + this.#diskBytes);
    if (full !== undefined) this.#fail(full);
    this.#noteHeld();
    this.#flush();
    return length;
  }

  /**
   * The next bytes, which are valid until the next call; undefined if there are none, or if they are still to
   * be read: `changed` follows.
   */
  take(): Buffer | undefined {
    if (this.#broken) return undefined;
    this.#giveBack(this.#takenMemory);
    this.#takenMemory = undefined;
    const head = this.#head;
    if (head !== undefined) {
      this.#takenMemory = this.#headMemory;
      this.#head = undefined;
      this.#headMemory = undefined;
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
    if (this.#reading || this.#flushing !== undefined) return undefined;
    const next = this.#tail.shift(READ_BYTES);
    if (next === undefined) return undefined;
    this.#bytes -= next.byteLength;
    this.#space.released(next.byteLength);
    this.#noteHeld();
    return next;
  }

  /** Drops everything, and gives the disk its room back. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#space.released(this.#tail.bytes);
    this.#bytes = 0;
    this.#giveBack(this.#takenMemory, this.#headMemory);
    this.#takenMemory = undefined;
    this.#headMemory = undefined;
    this.#head = undefined;
    this.#tail.takeAll().giveBack();
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
    if (this.#tail.bytes <= this.#space.keptBytes || this.#writing || this.#failed || this.#closed) return;
    this.#writing = true;
    void this.#write();
  }

  async #write(): Promise<void> {
    let failure: unknown;
    try {
      const file = await this.#lastFile();
      // Bytes over a limit stay in memory.
      if (this.#failed) return this.#written();
      this.#flushing = this.#tail.takeAll();
      await file?.append(this.#flushing.chunks);
      this.#flushing.giveBack();
    } catch (error) {
      failure = error;
      // What could not be written stays in memory, in its place.
      if (!this.#closed) this.#flushing?.putBack();
    }
    this.#written();
    if (this.#closed) return;
    if (failure !== undefined) return this.#fail(this.#space.failed(failure));
    this.#flush();
    this.#events.changed();
  }

  #written(): void {
    this.#writing = false;
    this.#flushing = undefined;
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
    const memory = this.#space.blocks.take(READ_BYTES);
    try {
      const bytes = await this.#files.find(({ waitingBytes }) => waitingBytes > 0)?.read(memory, READ_BYTES);
      this.#reading = false;
      if (this.#closed) return this.#space.blocks.give(memory);
      this.#head = bytes;
      this.#headMemory = memory;
      this.#noteHeld();
      this.#events.changed();
    } catch (error) {
      if (this.#closed) return;
      this.#broken = true;
      this.#fail(this.#space.failed(error));
    }
  }

  #giveBack(...memory: readonly (Buffer | undefined)[]): void {
    for (const one of memory) if (one !== undefined) this.#space.blocks.give(one);
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
