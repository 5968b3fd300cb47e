import type { CallContext, CancelListener, InputEnd } from './call-context.ts';
import { Cancellation } from './cancellation.ts';
import { cancelledError } from './cancelled.ts';
import { later, type Later, type Receiver } from './receiver.ts';

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
 * input does not cut the retries for another one short. It receives the outcome of the call, and passes it on to every
 * waiter, those that join until then included.
 *
 *     const shared = new SharedCall<Answer>();
 *     const waiter = shared.join(context, receiver);
 *     if (inner.begin(request, shared, shared) === later) waiter.wait();
 *
 * The waiters are a list, the oldest first. A waiter is its own link, because most calls have only one.
 */
export class SharedCall<Res> extends Cancellation implements Receiver<Res> {
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
  join(context: CallContext, receiver: Receiver<Res>): Waiter<Res> {
    const waiter = new Waiter(this, context, receiver, this.#newest);
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

  /** A waiter that leaves keeps its link to the later one. */
  answered(answer: Res, nowMs?: number): void {
    this.settled();
    for (let waiter = this.#oldest; waiter !== undefined; waiter = waiter.later) waiter.resolve(answer, nowMs);
  }

  failed(error: unknown): void {
    this.settled();
    for (let waiter = this.#oldest; waiter !== undefined; waiter = waiter.later) waiter.reject(error);
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

  /** Called when the call has its outcome, with or without waiters, before these have it. */
  protected settled(): void {}

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
  leave({ context, earlier, later: next }: Waiter<Res>): void {
    if (earlier === undefined) this.#oldest = next;
    else earlier.later = next;
    if (next === undefined) this.#newest = earlier;
    else next.earlier = earlier;
    for (let wait = 0; wait < this.#retryWaits; wait++) context.retryWaiting(-1);
    for (let wait = 0; wait < this.#limitWaits; wait++) context.limitWaiting(-1);
    for (let wait = 0; wait < this.#batches; wait++) context.inBatch(-1);
    if (this.#oldest !== undefined) this.caller = this.#oldest.context;
  }
}

/** One caller of a shared call, and the receiver of its answer. Two waits of one record are two waiters with the same context. */
export class Waiter<Res> implements CancelListener {
  readonly #shared: SharedCall<Res>;
  readonly context: CallContext;
  readonly #receiver: Receiver<Res>;
  earlier: Waiter<Res> | undefined;
  later: Waiter<Res> | undefined = undefined;
  #left = false;

  constructor(
    shared: SharedCall<Res>,
    context: CallContext,
    receiver: Receiver<Res>,
    earlier: Waiter<Res> | undefined,
  ) {
    this.#shared = shared;
    this.context = context;
    this.#receiver = receiver;
    this.earlier = earlier;
  }

  /** Whether its receiver has the outcome. */
  get left(): boolean {
    return this.#left;
  }

  /** Called once, if the answer is not immediate. If the caller is cancelled first, its receiver gets the reason. */
  wait(): Later {
    if (!this.#left) this.context.addCancelListener(this);
    return later;
  }

  /** Ignored if the caller has left. */
  resolve(answer: Res, nowMs?: number): void {
    if (this.#left) return;
    this.#leave();
    this.#receiver.answered(answer, nowMs);
  }

  /** Ignored if the caller has left. */
  reject(error: unknown): void {
    if (this.#left) return;
    this.#leave();
    this.#receiver.failed(error);
  }

  callCancelled(reason: unknown): void {
    if (this.#left) return;
    this.#left = true;
    this.#shared.waiterCancelled(this, reason);
    this.#receiver.failed(cancelledError(reason));
  }

  #leave(): void {
    this.#left = true;
    this.context.removeCancelListener(this);
    this.#shared.leave(this);
  }
}
