import type { ServerHttp2Stream } from 'node:http2';
import { freeMemory } from '../../core/free-memory.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';

/** Shorter parts of a body that nothing reads are put together. */
const JOINED_BYTES = 16 * 1024;
const nothing = Buffer.alloc(0);

/** Takes a chunk, which is not used after the call; false if no more should come until `BodyMemory.readOn` is called. */
export type TakeChunk = (chunk: Buffer) => boolean;

/**
 * The memory into which Node.js reads a connection, 64 KiB at a time. A chunk of a body is a view of it:
 *
 *     one read  [ 9 │ DATA of stream 1 │ 9 │ DATA of stream 3 │ … ]
 *
 * Chunks are copied. So a read is free in the turn after that in which Node.js has the next one. The garbage collector would
 * free it later, and would take a third of the time of a stream (`freeMemory` says why).
 *
 * Node.js reports a stream in a later job than its head. If its first bytes came with the head, they are a view that waits
 * in the buffer of Node.js. Then the reads of that time are left to the garbage collector.
 */
export class ConnectionReads {
  #last: WeakRef<ArrayBufferLike> | undefined;
  /** Reads that come before the next ones that may be freed: the last one, and the one that Node.js may have now. */
  #kept = 0;
  #done: ArrayBufferLike[] = [];

  /** Called before the chunk is copied. */
  note({ buffer }: Buffer): void {
    const last = this.#last?.deref();
    if (last === buffer) return;
    this.#last = new WeakRef(buffer);
    if (this.#kept > 0) this.#kept -= 1;
    else if (last !== undefined && this.#done.push(last) === 1) inLaterTurn(() => this.#free());
  }

  /** A chunk of a read until now was not copied. */
  keep(): void {
    this.#kept = 2;
    this.#done = [];
  }

  #free(): void {
    for (const read of this.#done.splice(0)) freeMemory(new Uint8Array(read));
  }
}

const memories = new WeakMap<ServerHttp2Stream, BodyMemory>();

/**
 * The memory of the body of one stream, of at most its window and what its reader may take before that. A view would hold
 * the whole read for one byte, and a frame with one byte takes an object of 200 bytes.
 *
 * Borrowed (docs/dependencies.md): Node.js calls the stream's own `push` with each chunk, and reads no more if it returns
 * false.
 */
export class BodyMemory {
  readonly #stream: ServerHttp2Stream;
  readonly #push: (chunk: Buffer | null) => boolean;
  readonly #reads: ConnectionReads;
  #take: TakeChunk | undefined;
  #joined = nothing;
  #joinedBytes = 0;

  private constructor(stream: ServerHttp2Stream, reads: ConnectionReads) {
    this.#stream = stream;
    this.#push = stream.push.bind(stream);
    this.#reads = reads;
    stream.push = (chunk: Buffer | null) => this.#received(chunk);
    stream.on('resume', () => this.#pushJoined());
  }

  /** Called before any other listener gets the stream. */
  static begin(stream: ServerHttp2Stream, reads: ConnectionReads): BodyMemory {
    if (stream.readableLength > 0) reads.keep();
    const memory = new BodyMemory(stream, reads);
    memories.set(stream, memory);
    return memory;
  }

  /** Every stream of an `Http2Connection` has one. */
  static of(stream: ServerHttp2Stream): BodyMemory {
    const memory = memories.get(stream);
    if (memory === undefined) throw new Error('the stream has begun before its connection has noted it');
    return memory;
  }

  /** Passes the body to `take` from now on, without the buffer of Node.js. Called once. */
  passTo(take: TakeChunk): void {
    this.#take = take;
    this.#stream.on('data', take);
    this.#stream.resume();
  }

  /** Reads on after `take` has returned false. An empty chunk makes Node.js call for the next one. */
  readOn(): void {
    if (!this.#stream.destroyed && !this.#stream.readableEnded) this.#push(nothing);
  }

  #received(chunk: Buffer | null): boolean {
    if (chunk === null) {
      this.#pushJoined();
      return this.#push(null);
    }
    this.#reads.note(chunk);
    const unread = this.#stream.readableLength + this.#joinedBytes;
    if (unread === 0 && this.#take !== undefined) return this.#take(chunk);
    // Node.js calls for more only after a `push`, so the first chunk that waits is pushed in any case.
    if (unread === 0 || chunk.length >= JOINED_BYTES) {
      this.#pushJoined();
      return this.#push(copyOf(chunk));
    }
    if (this.#joinedBytes + chunk.length > JOINED_BYTES) this.#pushJoined();
    if (this.#joinedBytes === 0) this.#joined = Buffer.allocUnsafeSlow(JOINED_BYTES);
    this.#joined.set(chunk, this.#joinedBytes);
    this.#joinedBytes += chunk.length;
    return true;
  }

  #pushJoined(): void {
    if (this.#joinedBytes === 0) return;
    const bytes = this.#joined.subarray(0, this.#joinedBytes);
    this.#joined = nothing;
    this.#joinedBytes = 0;
    this.#push(bytes);
  }
}

/** In memory of its own: `Buffer.from` would put a short one into memory that other Buffers share. */
export function copyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.byteLength);
  copy.set(bytes);
  return copy;
}
