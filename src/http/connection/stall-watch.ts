import type { Socket } from 'node:net';
import { RequestError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import type { KernelQueues, QueuedBytes } from './kernel-queues.ts';

/** A response that the other end should read. */
export interface Unread {
  readonly socket: Socket;
  /** So long nothing may be read; more than 0. */
  readonly timeoutMs: number;
  /** Bytes that this process holds for it. */
  heldBytes(): number;
  /** Nothing was read for `timeoutMs`. */
  stalled(): void;
}

/** Why a request ends whose client has read nothing for `timeoutMs`. */
export function stalledError(timeoutMs: number): RequestError {
  return new RequestError('stalled', `nothing was read for ${timeoutMs} ms (limits.stallTimeout)`);
}

interface Watched {
  readonly unread: Unread;
  /** When something was last seen to move. */
  movedAt: number;
  lookedAt: number;
  heldBytes: number;
  /** What the kernel holds; undefined until it was seen. */
  queuedBytes: number | undefined;
}

/** How often a response is checked within its timeout. */
const LOOKS = 8;
const LEAST_LOOK_MS = 10;
/** The kernel's queues are not read again before so many times as long as reading them took. */
const REST_FACTOR = 4;

/**
 * Finds responses that are not read at all, among those that wait for their reader.
 *
 *     this process ── heldBytes ──▶ kernel ── tx_queue ──▶ reader
 *
 * What this process holds goes down only when a third of the kernel's buffer is free, which is 1.3 MB: a reader at
 * 10 kB/s frees that in two minutes. The kernel's own queue goes down with each step of the reader's window, 100 kB. So a
 * response has stalled if neither has changed. A response that waits for an eighth of its timeout at the most costs
 * nothing; for the others the kernel's queues are read, once for all of them.
 */
export class StallWatch {
  readonly #watched = new Set<Watched>();
  readonly #clock: Clock;
  readonly #queues: KernelQueues;
  #disarm: (() => void) | undefined;
  #reading = false;
  #restUntil = 0;

  constructor(clock: Clock, queues: KernelQueues) {
    this.#clock = clock;
    this.#queues = queues;
  }

  /** Watches a response until the function returned is called, or until it has stalled. */
  watch(unread: Unread): () => void {
    const now = this.#clock.now();
    const watched = { unread, movedAt: now, lookedAt: now, heldBytes: unread.heldBytes(), queuedBytes: undefined };
    this.#watched.add(watched);
    this.#disarm ??= this.#arm();
    return () => this.#forget(watched);
  }

  /** Bytes that the reader of this connection has not taken from the kernel; 0 where the kernel does not show them. */
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
    return this.#clock.setTimer(Math.max(LEAST_LOOK_MS, timeoutMs / LOOKS), () => {
      this.#disarm = this.#arm();
      this.#look();
    });
  }

  #look(): void {
    const now = this.#clock.now();
    const still: Watched[] = [];
    for (const watched of this.#watched) {
      const { unread, lookedAt } = watched;
      if (now - lookedAt < unread.timeoutMs / LOOKS) continue;
      const heldBytes = unread.heldBytes();
      // A response of which nothing is held has nothing to be read, or is not produced yet.
      if (heldBytes > 0 && heldBytes === watched.heldBytes) still.push(watched);
      else this.#moved(watched, now, heldBytes);
    }
    if (still.length > 0 && !this.#reading && now >= this.#restUntil) void this.#measure(still);
  }

  async #measure(still: readonly Watched[]): Promise<void> {
    this.#reading = true;
    const startedAt = this.#clock.now();
    const queues = await this.#queues.read(still.map(({ unread }) => unread.socket));
    this.#reading = false;
    const now = this.#clock.now();
    this.#restUntil = now + (now - startedAt) * REST_FACTOR;
    for (const watched of still) this.#measured(watched, now, queues.get(watched.unread.socket));
  }

  #measured(watched: Watched, now: number, queues: QueuedBytes | undefined): void {
    if (!this.#watched.has(watched)) return;
    const { unread, movedAt } = watched;
    const heldBytes = unread.heldBytes();
    const sameQueue = queues === undefined || queues.unsent === watched.queuedBytes;
    if (queues !== undefined) watched.queuedBytes = queues.unsent;
    if (heldBytes !== watched.heldBytes || !sameQueue) return this.#moved(watched, now, heldBytes);
    watched.lookedAt = now;
    if (now - movedAt < unread.timeoutMs) return;
    this.#forget(watched);
    unread.stalled();
  }

  #moved(watched: Watched, now: number, heldBytes: number): void {
    watched.movedAt = now;
    watched.lookedAt = now;
    watched.heldBytes = heldBytes;
  }
}
