import type { Client, Dispatcher } from 'undici';

/** What the pool carries: undici's handler, what is sent, and a link of the queue. */
export interface PooledCall extends Dispatcher.DispatchHandler {
  readonly path: string;
  readonly headers: string[];
  readonly body: string | null;
  /** The one it runs on. */
  connection: Connection | undefined;
  waiting: boolean;
  earlier: PooledCall | undefined;
  later: PooledCall | undefined;
  /** The pool is closed: the call, which waits, is never started. */
  abandon(): void;
}

export class Connection {
  readonly client: Client;
  running = 0;
  /** Calls that may run at the same time; HTTP/2 raises it when it has been agreed on. */
  slots: number;
  /** Whether it is on the stack. */
  offered = false;

  constructor(client: Client, slots: number) {
    this.client = client;
    this.slots = slots;
  }
}

/**
 * Calls without a connection: first come, first served, each taken back in O(1). The calls are the links.
 *
 *     first ⇄ call ⇄ call ⇄ last        earlier ⇄ later
 */
export class WaitingCalls {
  #first: PooledCall | undefined;
  #last: PooledCall | undefined;
  #length = 0;

  get first(): PooledCall | undefined {
    return this.#first;
  }

  get length(): number {
    return this.#length;
  }

  append(call: PooledCall): void {
    call.waiting = true;
    call.earlier = this.#last;
    if (this.#last === undefined) this.#first = call;
    else this.#last.later = call;
    this.#last = call;
    this.#length++;
  }

  /** Does nothing to a call that does not wait. */
  remove(call: PooledCall): void {
    if (!call.waiting) return;
    const { earlier, later } = call;
    if (earlier === undefined) this.#first = later;
    else earlier.later = later;
    if (later === undefined) this.#last = earlier;
    else later.earlier = earlier;
    call.waiting = false;
    call.earlier = undefined;
    call.later = undefined;
    this.#length--;
  }
}
