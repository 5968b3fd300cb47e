import { type CallContext, Cancellation, type InputEnd } from './call-context.ts';
import { cancelledError } from './cancelled.ts';

/**
 * The context of one call that several callers wait for (coalesce, batch).
 *
 *     waiter 1 ── left, cancelled ✕
 *     waiter 2 ───────────────┐
 *     waiter 3 ───────────────┴── SharedCall ── one call of the inner service
 *
 * Each waiter leaves when its own context is cancelled, and the call goes on for the others. When the last waiter has
 * left, the call is cancelled with the reason of that waiter. `deadline` is the latest of the waiters. The waits and the
 * beginning of the call are reported to every waiter, also to one that joins later. All other members are those of
 * the oldest waiter, except `inputEnd`: it is that of the oldest waiter whose input has not ended, so that the end of one
 * input does not cut the retries for another one short.
 *
 *     const shared = new SharedCall();
 *     const wait = shared.join(context);
 *     const answer = inner(request, shared);
 *     return answer instanceof Promise ? wait(answer) : answer;
 *
 * The waiters are a list, the oldest first. A waiter is its own link, because most calls have only one.
 */
export class SharedCall extends Cancellation {
  #oldest: Waiter | undefined = undefined;
  #newest: Waiter | undefined = undefined;
  #retryWaits = 0;
  #limitWaits = 0;
  #batches = 0;
  /** Calls that have begun: more than one if the call is tried again. */
  #begun = 0;
  readonly #isPart: boolean;

  /** `isPart`: the call is a part of one that has begun for its waiters. They do not count it again. */
  constructor(isPart = false) {
    super();
    this.#isPart = isPart;
  }

  /**
   * Adds a caller, before the answer of the call settles. A call that is `cancelled` cannot be joined.
   *
   * Call the returned function once, with the answer of the call or the part of it that is for this caller. Its promise
   * settles as that answer does, or rejects with the caller's reason if the caller is cancelled before.
   */
  join(context: CallContext): <Res>(answer: Promise<Res>) => Promise<Res> {
    const waiter = this.add(context);
    return (answer) => this.wait(waiter, answer);
  }

  override get attempt(): number {
    return this.caller.attempt;
  }

  override get deadline(): number {
    let latest = -Infinity;
    for (let waiter = this.#oldest; waiter !== undefined; waiter = waiter.later)
      latest = Math.max(latest, waiter.context.deadline);
    return latest;
  }

  /** A call that some waiter may wait for may wait. */
  override get mayWait(): boolean {
    for (let waiter = this.#oldest; waiter !== undefined; waiter = waiter.later)
      if (waiter.context.mayWait) return true;
    return this.#oldest === undefined;
  }

  override get inputEnd(): InputEnd {
    for (let waiter = this.#oldest; waiter !== undefined; waiter = waiter.later)
      if (!waiter.context.inputEnd.ended) return waiter.context.inputEnd;
    return this.caller.inputEnd;
  }

  override retryWaiting(delta: 1 | -1): void {
    this.#retryWaits += delta;
    for (let waiter = this.#oldest; waiter !== undefined; waiter = waiter.later) waiter.context.retryWaiting(delta);
  }

  override limitWaiting(delta: 1 | -1): void {
    this.#limitWaits += delta;
    for (let waiter = this.#oldest; waiter !== undefined; waiter = waiter.later) waiter.context.limitWaiting(delta);
  }

  override inBatch(delta: 1 | -1): void {
    this.#batches += delta;
    for (let waiter = this.#oldest; waiter !== undefined; waiter = waiter.later) waiter.context.inBatch(delta);
  }

  /** Whether the wait of the call is over. */
  get began(): boolean {
    return this.#begun > 0;
  }

  override callBegins(): void {
    this.#begun++;
    if (this.#isPart) return;
    for (let waiter = this.#oldest; waiter !== undefined; waiter = waiter.later) waiter.context.callBegins();
  }

  override callRefused(): void {
    this.#begun--;
    if (this.#isPart) return;
    for (let waiter = this.#oldest; waiter !== undefined; waiter = waiter.later) waiter.context.callRefused();
  }

  /** The first part of `join`, without its function. */
  protected add(context: CallContext): Waiter {
    const waiter = new Waiter(context, this.#newest);
    if (this.#newest === undefined) {
      this.#oldest = waiter;
      this.caller = context;
    } else this.#newest.later = waiter;
    this.#newest = waiter;
    for (let wait = 0; wait < this.#retryWaits; wait++) context.retryWaiting(1);
    for (let wait = 0; wait < this.#limitWaits; wait++) context.limitWaiting(1);
    for (let wait = 0; wait < this.#batches; wait++) context.inBatch(1);
    for (let call = 0; call < this.#begun; call++) context.callBegins();
    return waiter;
  }

  /** The second part of `join`. */
  protected wait<Res>(waiter: Waiter, answer: Promise<Res>): Promise<Res> {
    return new Promise((resolve, reject) => {
      const removeCancelHook = waiter.context.onCancel((reason) => {
        // The last waiter stays until the call is cancelled: the ends of its waits are reported to it.
        if (!waiter.left && this.#oldest === this.#newest) this.cancel(reason);
        this.gaveUp(reason);
        this.#leave(waiter);
        reject(cancelledError(reason));
      });
      answer.then(
        (value) => {
          removeCancelHook();
          this.answered();
          this.#leave(waiter);
          return resolve(value);
        },
        (error: unknown) => {
          removeCancelHook();
          this.answered();
          this.#leave(waiter);
          return reject(error);
        },
      );
    });
  }

  /** Called for each waiter when its answer has settled, also for one that has left. */
  protected answered(): void {}

  /** Called for each waiter that leaves before its answer, with its reason. */
  protected gaveUp(_reason: unknown): void {}

  #leave(waiter: Waiter): void {
    if (waiter.left) return;
    waiter.left = true;
    const { context, earlier, later } = waiter;
    if (earlier === undefined) this.#oldest = later;
    else earlier.later = later;
    if (later === undefined) this.#newest = earlier;
    else later.earlier = earlier;
    for (let wait = 0; wait < this.#retryWaits; wait++) context.retryWaiting(-1);
    for (let wait = 0; wait < this.#limitWaits; wait++) context.limitWaiting(-1);
    for (let wait = 0; wait < this.#batches; wait++) context.inBatch(-1);
    if (this.#oldest !== undefined) this.caller = this.#oldest.context;
  }
}

/** One caller of a shared call. Two waits of one record are two waiters with the same context. */
class Waiter {
  readonly context: CallContext;
  earlier: Waiter | undefined;
  later: Waiter | undefined = undefined;
  left = false;

  constructor(context: CallContext, earlier: Waiter | undefined) {
    this.context = context;
    this.earlier = earlier;
  }
}

export type { Waiter };
