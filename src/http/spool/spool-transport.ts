import type { RequestError } from '../../core/errors.ts';
import { type Guard, guardWith } from '../../core/guard.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Duplex } from '../../core/vocabulary.ts';
import type { ResponseHead, SpoolUse, Transport, TransportEvents } from '../stream/transport.ts';
import { SpoolQueue } from './spool-queue.ts';
import type { SpoolSpace } from './spool-space.ts';

/** Bytes that the response of a client that reads late may hold. They are in memory until it reads. */
const INNER_BYTES = 64 * 1024;

/**
 * How long a client must have read nothing, while it still sends, before its output is spooled; and the most, because each
 * time that this was wrong multiplies it. Steady readers take in steps: at 100 kB/s some 100 kB each second or, with a large
 * receive buffer, 400 kB in four. Behind a proxy the steps are those of its send buffer: 1.3 MB in thirteen seconds.
 */
const DEADLOCK_MS = 2000;
const AFTER_MISTAKE = 4;
const MOST_DEADLOCK_MS = 32_000;

/**
 * Takes the output of a client that reads nothing before it has sent everything, so that its body can be read on.
 *
 *     client ◀── http ◀── room ── queue ◀── no room ── session
 *                  ▲                                     │
 *                  └──────── nothing waits, room ────────┘
 *
 * `half`: from the start. `auto`: as soon as the client still sends while it reads nothing; before that nothing is spooled,
 * and output that is not read stops the input. What the client reads goes to it at once in both cases.
 *
 *     auto:  full ── reads nothing, still sends ──▶ spooling ── reads, still sends ──▶ emptying ── nothing waits ──▶ full
 *                                                      ◀────── reads nothing, still sends ──┘
 *
 * A client that reads while it sends is no client that reads late, but a slow one, or one that paused. While it empties
 * the queue, its output stops its input as before. A spool that is nearly full stops the input as well, until the client
 * reads or has read nothing for the longest time: so a slow client is not cut because of a full spool.
 */
export class SpoolTransport implements Transport {
  readonly #inner: Transport;
  readonly #space: SpoolSpace;
  readonly #queue: SpoolQueue;
  #events: TransportEvents | undefined;
  readonly #guard: Guard;
  readonly #duplex: Exclude<Duplex, 'full'>;
  /** `full`: output that must wait is not spooled. `emptying`: it is, behind what is spooled already, but there is no room. */
  #phase: 'full' | 'spooling' | 'emptying' = 'full';
  #deadlockMs = DEADLOCK_MS;
  /** auto: it has read nothing for the longest time, so the whole spool is for it. */
  #readsLate = false;
  /** Whether the session waits for `readerReady`. */
  #sessionWaits = false;
  /** What follows the last byte of the queue. */
  #end: (() => void) | undefined;
  #bodyComplete = false;
  #unwatchCut: (() => void) | undefined;
  #released = false;

  constructor(inner: Transport, duplex: Exclude<Duplex, 'full'>, space: SpoolSpace) {
    this.#inner = inner;
    this.#duplex = duplex;
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

  get spool(): SpoolUse {
    const { bytes: waitingBytes, totalBytes } = this.#queue;
    return { spooling: this.#phase !== 'full', waitingBytes, totalBytes };
  }

  get hasRoom(): boolean {
    const room = this.#room;
    this.#sessionWaits = !room;
    return room;
  }

  get #room(): boolean {
    if (this.#phase === 'full') return this.#inner.hasRoom;
    return this.#phase === 'spooling' && this.#queue.hasRoom && !this.#doubts;
  }

  /** Whether a nearly full spool is for a client that may be a slow one. */
  get #doubts(): boolean {
    return this.#duplex === 'auto' && !this.#readsLate && !this.#bodyComplete && this.#queue.nearlyFull;
  }

  /**
   * 0 as soon as the client may read late: what it would have to read first must not keep the memory that its own body
   * needs. The space and `INNER_BYTES` bound what such streams hold.
   */
  get heldBytes(): number {
    return this.#phase === 'full' ? this.#inner.heldBytes : 0;
  }

  open(head: ResponseHead, events: TransportEvents): void {
    this.#events = events;
    this.#inner.open(head, {
      ...events,
      end: () => {
        this.#bodyComplete = true;
        events.end();
      },
      readerReady: () => this.#readerReady(),
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
    if (this.#phase === 'full' || (this.#queue.bytes === 0 && this.#innerHasRoom)) return this.#inner.write(output);
    return this.#released ? Buffer.byteLength(output) : this.#queue.push(output);
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
    if (this.#bodyComplete) return this.#inner.watchReader(timeoutMs, stalled);
    const spooling = this.#phase === 'spooling';
    if (spooling && !this.#doubts) return () => {};
    const afterMs = Math.min(spooling ? MOST_DEADLOCK_MS : this.#deadlockMs, timeoutMs / 2);
    return this.#inner.watchReader(timeoutMs, stalled, { afterMs, found: this.#guard(() => this.#deadlocked()) });
  }

  async unreadBytes(): Promise<number> {
    return this.#queue.bytes + (await this.#inner.unreadBytes());
  }

  /** The client waits until it has sent everything, and its body waits until the output is read. */
  #deadlocked(): void {
    if (this.#released) return;
    if (this.#phase === 'spooling') this.#readsLate = true;
    this.#begin();
    this.#letSessionWrite();
  }

  /** Not called within a write of the session. The queue takes what is still written, so a session that waits goes on. */
  #failed(error: RequestError): void {
    this.#events?.failed(error);
    this.#pump();
  }

  #begin(): void {
    if (this.#phase === 'full') this.#space.opened();
    this.#phase = 'spooling';
  }

  /** The client has taken all that it was sent. */
  #readerReady(): void {
    if (this.#released) return;
    if (this.#phase === 'full') return this.#letSessionWrite();
    if (this.#phase === 'spooling' && this.#duplex === 'auto' && !this.#bodyComplete) {
      this.#phase = 'emptying';
      this.#readsLate = false;
      this.#deadlockMs = Math.min(AFTER_MISTAKE * this.#deadlockMs, MOST_DEADLOCK_MS);
      // It has to watch the reader of an emptying spool.
      if (this.#sessionWaits) this.#letSessionWrite();
    }
    this.#pump();
  }

  #letSessionWrite(): void {
    this.#sessionWaits = false;
    this.#events?.readerReady();
  }

  get #innerHasRoom(): boolean {
    return this.#inner.hasRoom && this.#inner.heldBytes < INNER_BYTES;
  }

  #endAfterQueue(end: () => void): void {
    this.#end = end;
    this.#pump();
  }

  #pump(): void {
    if (this.#released) return;
    while (this.#innerHasRoom) {
      const chunk = this.#queue.take();
      if (chunk === undefined) break;
      this.#inner.write(chunk);
    }
    if (this.#queue.bytes === 0) {
      if (this.#phase === 'emptying') this.#stopSpooling();
      const end = this.#end;
      this.#end = undefined;
      end?.();
    }
    if (this.#sessionWaits && this.#room) this.#letSessionWrite();
  }

  #stopSpooling(): void {
    this.#phase = 'full';
    this.#space.closed();
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#unwatchCut?.();
    this.#queue.close();
    if (this.#phase !== 'full') this.#stopSpooling();
  }
}
