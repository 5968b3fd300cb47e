import type { RequestError } from '../../core/errors.ts';
import { type Guard, guardWith } from '../../core/guard.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Duplex } from '../../core/vocabulary.ts';
import type { ResponseHead, SpoolUse, Transport, TransportEvents } from '../stream/transport.ts';
import { SpoolQueue } from './spool-queue.ts';
import type { SpoolSpace } from './spool-space.ts';

/**
 * Takes the output of a client that reads nothing before it has sent everything, so that its body can be read on.
 *
 *     client ◀── http ◀── room ── queue ◀── no room ── session
 *                  ▲                                     │
 *                  └──────── nothing waits, room ────────┘
 *
 * `half`: from the start. `auto`: as soon as the client still sends while it reads nothing; before that nothing is spooled,
 * and output that is not read stops the input. What the client reads goes to it at once in both cases.
 */
export class SpoolTransport implements Transport {
  readonly #inner: Transport;
  readonly #space: SpoolSpace;
  readonly #queue: SpoolQueue;
  #events: TransportEvents | undefined;
  readonly #guard: Guard;
  /** Whether output that must wait is spooled. */
  #spooling = false;
  /** Whether the session waits for `readerReady`. */
  #sessionWaits = false;
  /** What follows the last byte of the queue. */
  #end: (() => void) | undefined;
  #bodyComplete = false;
  #unwatchCut: (() => void) | undefined;
  #released = false;

  constructor(inner: Transport, duplex: Exclude<Duplex, 'full'>, space: SpoolSpace) {
    this.#inner = inner;
    this.#space = space;
    this.#guard = guardWith((error) => this.#events?.defect(error));
    this.#queue = new SpoolQueue(space, {
      changed: () => this.#guard(() => this.#pump())(),
      failed: (error) => inLaterTurn(this.#guard(() => this.#failed(error))),
    });
    if (duplex === 'half') this.#begin();
  }

  get client(): string | null {
    return this.#inner.client;
  }

  get spool(): SpoolUse | undefined {
    return this.#spooling ? { waitingBytes: this.#queue.bytes, totalBytes: this.#queue.totalBytes } : undefined;
  }

  get hasRoom(): boolean {
    const room = this.#spooling ? this.#queue.hasRoom : this.#inner.hasRoom;
    this.#sessionWaits = !room;
    return room;
  }

  get heldBytes(): number {
    return this.#inner.heldBytes + this.#queue.heldBytes;
  }

  open(head: ResponseHead, events: TransportEvents): void {
    this.#events = events;
    this.#inner.open(head, {
      ...events,
      end: () => {
        this.#bodyComplete = true;
        events.end();
      },
      readerReady: () => (this.#spooling ? this.#pump() : events.readerReady()),
      finished: () => {
        this.#release();
        events.finished();
      },
      gone: () => {
        this.#release();
        events.gone();
      },
    });
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  write(output: string | Uint8Array): number {
    if (!this.#spooling || (this.#queue.bytes === 0 && this.#inner.hasRoom)) return this.#inner.write(output);
    const bytes = Buffer.from(output);
    if (!this.#released) this.#queue.push(bytes);
    return bytes.byteLength;
  }

  finish(trailers: Readonly<Record<string, string>>): void {
    this.#endAfterQueue(() => this.#inner.finish(trailers));
  }

  /** What is spooled is sent before, unless the client reads nothing for `stallTimeoutMs`. */
  cut(stallTimeoutMs: number): void {
    if (this.#queue.broken) return this.reset();
    if (this.#queue.bytes > 0) {
      // The rest of the body is dropped: a client that has to send it first would never read the output.
      this.#inner.resume();
      this.#unwatchCut = this.#inner.watchReader(stallTimeoutMs, () => this.reset());
    }
    this.#endAfterQueue(() => {
      this.#release();
      this.#inner.cut(stallTimeoutMs);
    });
  }

  reset(): void {
    this.#release();
    this.#inner.reset();
  }

  close(): void {
    this.#release();
    this.#inner.close();
  }

  /** A client that spools may read nothing as long as it sends. */
  watchReader(timeoutMs: number, stalled: () => void): () => void {
    if (!this.#spooling)
      return this.#inner.watchReader(
        timeoutMs,
        stalled,
        this.#guard(() => this.#deadlocked()),
      );
    return this.#bodyComplete ? this.#inner.watchReader(timeoutMs, stalled) : () => {};
  }

  async unreadBytes(): Promise<number> {
    return this.#queue.bytes + (await this.#inner.unreadBytes());
  }

  /** The client waits until it has sent everything, and its body waits until the output is read. */
  #deadlocked(): void {
    this.#begin();
    this.#sessionWaits = false;
    this.#events?.readerReady();
  }

  /** Not called within a write of the session. The queue takes what is still written, so a session that waits goes on. */
  #failed(error: RequestError): void {
    this.#events?.failed(error);
    this.#pump();
  }

  #begin(): void {
    if (this.#spooling || this.#released) return;
    this.#spooling = true;
    this.#space.opened();
  }

  #endAfterQueue(end: () => void): void {
    this.#end = end;
    this.#pump();
  }

  #pump(): void {
    if (this.#released) return;
    while (this.#inner.hasRoom) {
      const chunk = this.#queue.take();
      if (chunk === undefined) break;
      this.#inner.write(chunk);
    }
    if (this.#queue.bytes === 0) {
      const end = this.#end;
      this.#end = undefined;
      end?.();
    }
    if (!this.#sessionWaits || !this.#queue.hasRoom) return;
    this.#sessionWaits = false;
    this.#events?.readerReady();
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#unwatchCut?.();
    this.#queue.close();
    if (this.#spooling) this.#space.closed();
  }
}
