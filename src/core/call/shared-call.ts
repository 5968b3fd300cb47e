import type { CallContext, CancelListener, InputEnd } from './call-context.ts';
import { Cancellation } from './cancellation.ts';
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
 *     const shared = new SharedCall<Answer>();
 *     const answer = shared.join(context).answer();
 *     shared.settledBy(inner(request, shared));
 *
 * The waiters are a list, the oldest first. A waiter is its own link, because most calls have only one.
 */
export class SharedCall<Res> extends Cancellation {
  #oldest: Waiter<Res> | undefined = undefined;
  #newest: Waiter<Res> | undefined = undefined;
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

  /** Adds a caller, before the answer of the call settles. A call that is `cancelled` cannot be joined. */
  join(context: CallContext): Waiter<Res> {
    const waiter = new Waiter(this, context, this.#newest);
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

  /** The answer of the call is that of every waiter, those that join until it settles included. */
  settledBy(answer: Promise<Res>): void {
    answer.then(
      (value) => {
        for (let waiter = this.#oldest; waiter !== undefined; waiter = this.#oldest) waiter.resolve(value);
        return this.answered();
      },
      (error: unknown) => {
        for (let waiter = this.#oldest; waiter !== undefined; waiter = this.#oldest) waiter.reject(error);
        this.answered();
      },
    );
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

  /** A call that some waiter may wait for may wait, and so may a part of a call that was made. */
  override get mayWait(): boolean {
    if (this.#isPart) return true;
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

  /** Called when the answer has settled, with or without waiters. */
  protected answered(): void {}

  /** Called for each waiter that leaves before its answer, with its reason. */
  protected gaveUp(_reason: unknown): void {}

  /** For `waiter`: its context was cancelled. */
  waiterCancelled(waiter: Waiter<Res>, reason: unknown): void {
    // The last waiter stays until the call is cancelled: the ends of its waits are reported to it.
    if (this.#oldest === this.#newest) this.cancel(reason);
    this.gaveUp(reason);
    this.leave(waiter);
  }

  /** For `waiter`, once: it waits no longer. */
  leave({ context, earlier, later }: Waiter<Res>): void {
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

/**
 * One caller of a shared call, and its answer. Two waits of one record are two waiters with the same context. It keeps the
 * functions of its promise itself: closures for each waiter would take most of the memory of a record in flight.
 */
export class Waiter<Res> implements CancelListener {
  readonly #shared: SharedCall<Res>;
  readonly context: CallContext;
  earlier: Waiter<Res> | undefined;
  later: Waiter<Res> | undefined = undefined;
  #left = false;
  #resolve: ((answer: Res) => void) | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;

  constructor(shared: SharedCall<Res>, context: CallContext, earlier: Waiter<Res> | undefined) {
    this.#shared = shared;
    this.context = context;
    this.earlier = earlier;
  }

  /**
   * Called once. The promise settles as `resolve` or `reject` says, or rejects with the caller's reason if the caller is
   * cancelled before.
   */
  answer(): Promise<Res> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.context.addCancelListener(this);
    });
  }

  /** Ignored if the caller has left. */
  resolve(answer: Res): void {
    if (this.#left) return;
    this.#leave();
    this.#resolve?.(answer);
  }

  /** Ignored if the caller has left. */
  reject(error: unknown): void {
    if (this.#left) return;
    this.#leave();
    this.#reject?.(error);
  }

  callCancelled(reason: unknown): void {
    if (this.#left) return;
    this.#left = true;
    this.#shared.waiterCancelled(this, reason);
    this.#reject?.(cancelledError(reason));
  }

  #leave(): void {
    this.#left = true;
    this.context.removeCancelListener(this);
    this.#shared.leave(this);
  }
}
