import type { Socket } from 'node:net';
import { RequestError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import type { KernelQueues, QueuedBytes } from './kernel-queues.ts';

/** The client reads nothing although it still sends: it may read nothing before it has sent everything. */
export interface Deadlock {
  /** How long it lasts before it is reported. */
  readonly afterMs: number;
  /** Called once, unless more of the response is read after that. */
  found(): void;
}

/** A response that its client should read. */
export interface Unread {
  readonly socket: Socket;
  /** How long the client may read nothing; more than 0. */
  readonly timeoutMs: number;
  /** Bytes of the response that this process holds. */
  heldBytes(): number;
  /** Called once, if nothing was read for `timeoutMs`. */
  stalled(): void;
  /** Undefined: not watched for. */
  readonly deadlock?: Deadlock;
  /** Whether the client still sends, for a protocol with flow control of its own. Undefined: the kernel has bytes of it. */
  stillSends?(): boolean;
  /** If other responses share the connection: bytes of all of them that the kernel got. */
  readonly connectionBytes?: () => number;
}

/** The error of a request whose client has read nothing for `timeoutMs`. */
export function stalledError(timeoutMs: number): RequestError {
  return new RequestError('stalled', `nothing was read for ${timeoutMs} ms (limits.stallTimeout)`);
}

interface Watched {
  readonly unread: Unread;
  /** When the bytes held here or by the kernel last changed. */
  changedAtMs: number;
  /** When the check began that handled it last: not when the read of that check ended, which would shift all later ones. */
  checkedAt: number;
  heldBytes: number;
  /** Bytes that the kernel holds; undefined until they are read. */
  queuedBytes: number | undefined;
  connectionBytes: number | undefined;
  /** Bytes of a shared connection that the client had taken, and those that were written, when this response last moved. */
  takenBytes: number | undefined;
  writtenBytes: number | undefined;
  /** Reads of the queues, one after the other, in which nothing had changed and the client had sent bytes; and the first one. */
  deadlockedReads: number;
  deadlockedSinceMs: number;
}

/** How often a response is checked within its timeout. */
const CHECKS = 8;
const LEAST_CHECK_MS = 10;
/** A timer may fire so much early. */
const TIMER_MS = 1;
/** How often a response is checked whose client may be in a deadlock with it. */
const DEADLOCK_CHECK_MS = 250;
/** In how many reads a deadlock is seen before it is reported, if this process itself stood still. */
const DEADLOCKED_READS = 4;
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
 *
 *     this process ── rx_queue ◀── client that still sends
 *
 * A client that reads nothing before it has sent everything is in a deadlock with a response that must be read before
 * more of the body is. Its response does not move, and bytes that it has sent wait in the kernel.
 */
export class StallWatch {
  readonly #watched = new Set<Watched>();
  readonly #clock: Clock;
  readonly #queues: KernelQueues;
  #disarm: (() => void) | undefined;
  /** The interval of the timer that is armed. */
  #armedMs = 0;
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
      takenBytes: undefined,
      writtenBytes: unread.connectionBytes?.(),
      deadlockedReads: 0,
      deadlockedSinceMs: 0,
    };
    this.#watched.add(watched);
    if (this.#disarm === undefined) this.#arm();
    else if (checkMsOf(unread) < this.#armedMs) {
      this.#disarm();
      this.#arm();
    }
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

  #arm(): void {
    const checkMs = Math.min(...Array.from(this.#watched, ({ unread }) => checkMsOf(unread)));
    this.#armedMs = Math.max(LEAST_CHECK_MS, checkMs);
    this.#disarm = this.#clock.setTimer(this.#armedMs, () => {
      this.#arm();
      this.#check();
    });
  }

  #check(): void {
    const now = this.#clock.now();
    const unchanged: Watched[] = [];
    for (const watched of this.#watched) {
      const { unread, checkedAt } = watched;
      if (now - checkedAt < checkMsOf(unread) - TIMER_MS) continue;
      const heldBytes = unread.heldBytes();
      // If nothing is held, there is nothing to read, or it is not produced yet.
      if (heldBytes > 0 && heldBytes === watched.heldBytes) {
        unchanged.push(watched);
        continue;
      }
      watched.checkedAt = now;
      this.#noteChange(watched, now, heldBytes);
    }
    if (unchanged.length === 0 || this.#reading || now < this.#pauseUntil) return;
    for (const watched of unchanged) watched.checkedAt = now;
    void this.#measure(unchanged);
  }

  async #measure(unchanged: readonly Watched[]): Promise<void> {
    this.#reading = true;
    let startedAt = this.#clock.now();
    const sockets = unchanged.map(({ unread }) => unread.socket);
    // A read of another caller, for which this one waits first, needs no pause.
    const queues = await this.#queues.read(sockets, () => {
      startedAt = this.#clock.now();
    });
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
    if (isBehindOthers(watched, connectionBytes, queues)) {
      watched.changedAtMs = now;
      watched.deadlockedReads = 0;
      return;
    }
    if (now - changedAtMs >= unread.timeoutMs) {
      this.#forget(watched);
      return unread.stalled();
    }
    if (!(unread.stillSends?.() ?? (queues !== undefined && queues.unread > 0))) {
      watched.deadlockedReads = 0;
      return;
    }
    if (watched.deadlockedReads === 0) watched.deadlockedSinceMs = now;
    watched.deadlockedReads += 1;
    if (
      watched.deadlockedReads > DEADLOCKED_READS &&
      now - watched.deadlockedSinceMs >= (unread.deadlock?.afterMs ?? Infinity)
    ) {
      watched.deadlockedReads = -Infinity;
      unread.deadlock?.found();
    }
  }

  #noteChange(watched: Watched, now: number, heldBytes: number): void {
    watched.changedAtMs = now;
    watched.heldBytes = heldBytes;
    watched.deadlockedReads = 0;
    watched.writtenBytes = watched.unread.connectionBytes?.();
  }
}

/**
 * Whether the client takes bytes of the connection that were written before this response last moved: it cannot have taken
 * more of this one yet, however steadily it reads.
 */
function isBehindOthers(
  watched: Watched,
  connectionBytes: number | undefined,
  queues: QueuedBytes | undefined,
): boolean {
  if (connectionBytes === undefined || queues === undefined) return false;
  const before = watched.takenBytes;
  const taken = connectionBytes - queues.unsent;
  watched.takenBytes = taken;
  return taken !== before && taken < (watched.writtenBytes ?? 0);
}

function checkMsOf(unread: Unread): number {
  const checkMs = unread.timeoutMs / CHECKS;
  return unread.deadlock === undefined ? checkMs : Math.min(checkMs, DEADLOCK_CHECK_MS);
}
