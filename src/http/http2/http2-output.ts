import type { ServerHttp2Stream } from 'node:http2';

/** The stream gets the output in pieces, so that each piece that is sent shows that the client reads. */
const PIECE_BYTES = 64 * 1024;
/** From here on, the stream holds output that it reports. */
const NEEDS_DRAIN_BYTES = 64 * 1024;
/** It reports no longer when so little is left that more should be written. */
const DRAINED_BYTES = 16 * 1024;

/**
 * The output of one HTTP/2 stream that is not sent yet.
 *
 *     write ──▶ waiting [ text | bytes | … ] ──▶ one piece in Node's stream ──▶ sent if the client's window has room
 *
 * Node.js says of a write only that all of it was sent. Texts that wait are joined, so that small ones share a frame.
 * Buffers are not shared as over HTTP/1.1: Node.js may still read the bytes of a stream that was reset.
 */
export class Http2Output {
  readonly #stream: ServerHttp2Stream;
  readonly #drained: () => void;
  #waiting: (string | Buffer)[] = [];
  #waitingBytes = 0;
  #pieceBytes = 0;
  #needsDrain = false;
  #whenSent: (() => void) | undefined;

  /** `drained` is called when there is room again after `needsDrain` was true. */
  constructor(stream: ServerHttp2Stream, drained: () => void) {
    this.#stream = stream;
    this.#drained = drained;
  }

  get bytes(): number {
    return this.#waitingBytes + this.#pieceBytes;
  }

  get needsDrain(): boolean {
    return this.#needsDrain;
  }

  /** Returns the length in bytes. Output for a stream that is closed is dropped. */
  write(output: string | Uint8Array): number {
    const byteLength = Buffer.byteLength(output);
    if (this.#stream.destroyed || this.#stream.closed) return byteLength;
    const own = typeof output === 'string' ? output : Buffer.from(output);
    this.#waitingBytes += byteLength;
    if (byteLength <= PIECE_BYTES) this.#waiting.push(own);
    else {
      const bytes = typeof own === 'string' ? Buffer.from(own) : own;
      for (let at = 0; at < byteLength; at += PIECE_BYTES) this.#waiting.push(bytes.subarray(at, at + PIECE_BYTES));
    }
    if (this.#pieceBytes === 0) this.#sendPiece();
    if (this.bytes >= NEEDS_DRAIN_BYTES) this.#needsDrain = true;
    return byteLength;
  }

  /** Calls `work` when everything that was written is sent; never if the stream closes before that. */
  whenSent(work: () => void): void {
    this.#whenSent = work;
    if (this.bytes === 0) this.#allSent();
  }

  /** Drops what the stream has not got yet. */
  drop(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#whenSent = undefined;
  }

  #sendPiece(): void {
    const [first = ''] = this.#waiting;
    let pieces = 1;
    let bytes = Buffer.byteLength(first);
    let piece = first;
    if (typeof piece === 'string') {
      for (; pieces < this.#waiting.length; pieces += 1) {
        const next = this.#waiting[pieces];
        if (typeof next !== 'string' || bytes + Buffer.byteLength(next) > PIECE_BYTES) break;
        piece += next;
        bytes += Buffer.byteLength(next);
      }
    }
    this.#waiting.splice(0, pieces);
    this.#waitingBytes -= bytes;
    this.#pieceBytes = bytes;
    this.#stream.write(piece, () => this.#sent());
  }

  #sent(): void {
    this.#pieceBytes = 0;
    if (this.#stream.destroyed) return;
    if (this.#waiting.length > 0) this.#sendPiece();
    else this.#allSent();
    if (!this.#needsDrain || this.bytes > DRAINED_BYTES) return;
    this.#needsDrain = false;
    this.#drained();
  }

  #allSent(): void {
    const work = this.#whenSent;
    this.#whenSent = undefined;
    work?.();
  }
}
