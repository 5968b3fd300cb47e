import type { Deadlock } from '../../../src/http/connection/stall-watch.ts';
import type { ResponseHead, Transport, TransportEvents } from '../../../src/http/stream/transport.ts';

/** A transport without a network: the test is the client, and calls `events`. */
export class MemoryTransport implements Transport {
  readonly client = 'memory:1';
  head: ResponseHead | undefined;
  paused = false;
  /** What the client has received. */
  output = '';
  trailers: Readonly<Record<string, string>> | undefined;
  /** How the session ended the stream, in the order of the calls. */
  readonly ends: ('finish' | 'cut' | 'reset' | 'close')[] = [];
  hasRoom = true;
  /** How many bytes it takes before it has no room. */
  roomBytes = Infinity;
  heldBytes = 0;
  /** What `unreadBytes` resolves with. */
  unread: number | Promise<number> = 0;
  /** The watch of the reader that is on. */
  watch:
    | { readonly timeoutMs: number; readonly stalled: () => void; readonly deadlock: Deadlock | undefined }
    | undefined;
  #events: TransportEvents | undefined;

  get events(): TransportEvents {
    if (this.#events === undefined) throw new Error('the transport is not open');
    return this.#events;
  }

  /** The client sends a part of its body. */
  send(text: string): void {
    this.events.data(Buffer.from(text));
  }

  open(head: ResponseHead, events: TransportEvents): void {
    this.head = head;
    this.#events = events;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  write(output: string | Uint8Array): number {
    const bytes = Buffer.from(output);
    this.output += bytes.toString();
    this.roomBytes -= bytes.byteLength;
    if (this.roomBytes <= 0) this.hasRoom = false;
    return bytes.byteLength;
  }

  finish(trailers: Readonly<Record<string, string>>): void {
    this.trailers = trailers;
    this.ends.push('finish');
  }

  cut(): void {
    this.ends.push('cut');
  }

  reset(): void {
    this.ends.push('reset');
  }

  close(): void {
    this.ends.push('close');
  }

  watchReader(timeoutMs: number, stalled: () => void, deadlock?: Deadlock): () => void {
    const watch = { timeoutMs, stalled, deadlock };
    this.watch = watch;
    return () => {
      if (this.watch === watch) this.watch = undefined;
    };
  }

  async unreadBytes(): Promise<number> {
    return this.unread;
  }
}
