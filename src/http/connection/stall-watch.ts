import type { Socket } from 'node:net';
import { RequestError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import type { KernelQueues, QueuedBytes } from './kernel-queues.ts';

/** A response that its client should read. */
export interface Unread {
  readonly socket: Socket;
  /** How long the client may read nothing; more than 0. */
  readonly timeoutMs: number;
  /** Bytes of the response that this process holds. */
  heldBytes(): number;
  /** If other responses share the connection: bytes of all of them that the kernel got. */
  readonly connectionBytes?: () => number;
  /** Called once, if nothing was read for `timeoutMs`. */
  stalled(): void;
}

/** The error of a request whose client has read nothing for `timeoutMs`. */
export function stalledError(timeoutMs: number): RequestError {
  return new RequestError('stalled', `nothing was read for ${timeoutMs} ms (limits.stallTimeout)`);
}

interface Watched {
  readonly unread: Unread;
  /** When the bytes held here or by the kernel last changed. */
  changedAtMs: number;
  checkedAt: number;
  heldBytes: number;
  /** Bytes that the kernel holds; undefined until they are read. */
  queuedBytes: number | undefined;
  connectionBytes: number | undefined;
}

/** How often a response is checked within its timeout. */
const CHECKS = 8;
const LEAST_CHECK_MS = 10;
/** After a read of the kernel's queues, the pause before the next one is this many times as long as the read. */
const PAUSE_FACTOR = 4;

/**
 * Finds responses of which nothing is read.
 *
 *     this process ── heldBytes ──▶ kernel ── tx_queue ──▶ reader
 *
 * The bytes that this process holds shrink only when a third of the kernel's buffer is free, which is 1.3 MB: a reader
 * at 10 kB/s frees that in two minutes. The kernel's queue shrinks with each step of the reader's window, 100 kB. So a
 * response has stalled if neither has changed. A response that waits for less than an eighth of its timeout costs
 * nothing; for all others together, the kernel's queues are read once.
 */
export class StallWatch {
  readonly #watched = new Set<Watched>();
  readonly #clock: Clock;
  readonly #queues: KernelQueues;
  #disarm: (() => void) | undefined;
  #reading = false;
  #pauseUntil = 0;

  constructor(clock: Clock, queues: KernelQueues) {
    this.#clock = clock;
    this.#queues = queues;
  }

  /** Watches a response until it has stalled, or until the function returned is called. */
  watch(unread: Unread): () => void {
    const now = this.#clock.now();
    const watched = {
      unread,
      changedAtMs: now,
      checkedAt: now,
      heldBytes: unread.heldBytes(),
      queuedBytes: undefined,
      connectionBytes: undefined,
    };
    this.#watched.add(watched);
    this.#disarm ??= this.#arm();
    return () => this.#forget(watched);
  }

  /** Bytes that the kernel holds for the reader of this connection; 0 if the kernel does not show them. */
  async queuedBytes(socket: Socket): Promise<number> {
    return (await this.#queues.read([socket])).get(socket)?.unsent ?? 0;
  }

  #forget(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    this.#disarm?.();
    this.#disarm = undefined;
  }

  #arm(): () => void {
    const timeoutMs = Math.min(...Array.from(this.#watched, ({ unread }) => unread.timeoutMs));
    return this.#clock.setTimer(Math.max(LEAST_CHECK_MS, timeoutMs / CHECKS), () => {
      this.#disarm = this.#arm();
      this.#check();
    });
  }

  #check(): void {
    const now = this.#clock.now();
    const unchanged: Watched[] = [];
    for (const watched of this.#watched) {
      const { unread, checkedAt } = watched;
      if (now - checkedAt < unread.timeoutMs / CHECKS) continue;
      const heldBytes = unread.heldBytes();
      // If nothing is held, there is nothing to read, or it is not produced yet.
      if (heldBytes > 0 && heldBytes === watched.heldBytes) unchanged.push(watched);
      else this.#noteChange(watched, now, heldBytes);
    }
    if (unchanged.length > 0 && !this.#reading && now >= this.#pauseUntil) void this.#measure(unchanged);
  }

  async #measure(unchanged: readonly Watched[]): Promise<void> {
    this.#reading = true;
    const startedAt = this.#clock.now();
    const queues = await this.#queues.read(unchanged.map(({ unread }) => unread.socket));
    this.#reading = false;
    const now = this.#clock.now();
    this.#pauseUntil = now + (now - startedAt) * PAUSE_FACTOR;
    for (const watched of unchanged) this.#measured(watched, now, queues.get(watched.unread.socket));
  }

  #measured(watched: Watched, now: number, queues: QueuedBytes | undefined): void {
    if (!this.#watched.has(watched)) return;
    const { unread, changedAtMs } = watched;
    const heldBytes = unread.heldBytes();
    const connectionBytes = unread.connectionBytes?.();
    // If other responses have filled the queue since, it says nothing about this one.
    const isShared = connectionBytes !== undefined && connectionBytes !== watched.connectionBytes;
    watched.connectionBytes = connectionBytes;
    const sameQueue = queues === undefined || queues.unsent === watched.queuedBytes || isShared;
    if (queues !== undefined) watched.queuedBytes = queues.unsent;
    if (heldBytes !== watched.heldBytes || !sameQueue) return this.#noteChange(watched, now, heldBytes);
    watched.checkedAt = now;
    if (now - changedAtMs < unread.timeoutMs) return;
    this.#forget(watched);
    unread.stalled();
  }

  #noteChange(watched: Watched, now: number, heldBytes: number): void {
    watched.changedAtMs = now;
    watched.checkedAt = now;
    watched.heldBytes = heldBytes;
  }
}
