import type { CallContext, InputEnd } from '../../core/call/call-context.ts';
import { Cancellation } from '../../core/call/cancellation.ts';
import type { Later, Receiver } from '../../core/call/receiver.ts';
import { SharedCall, type Waiter } from '../../core/call/shared-call.ts';
import { RecordError } from '../../core/errors.ts';

const ignored = { answered(): void {}, failed(): void {} };

/** One distinct request of a batch, and the callers that wait for its answer, those that have left included. */
export class BatchedRequest<Req, Res> {
  readonly request: Req;
  readonly waiters: Waiter<Res>[] = [];

  constructor(request: Req) {
    this.request = request;
  }

  get waitedFor(): boolean {
    for (const { context } of this.waiters) if (!context.cancelled) return true;
    return false;
  }

  resolve(answer: Res): void {
    for (const waiter of this.waiters) waiter.resolve(answer);
  }

  reject(error: unknown): void {
    for (const waiter of this.waiters) waiter.reject(error);
  }
}

/**
 * One batch, until it is sent.
 *
 *     key SFO ── request ── callers r1, r7      each caller waits for the answer of its request,
 *     key DTW ── request ── callers r2          and all of them are waiters of one SharedCall
 */
export class Batch<Req, Res> {
  readonly shared: SharedCall<Res>;
  /** Whether it has gathered as long as it may: it is sent as soon as another batch ends. */
  due = false;
  waitsAtLimit = false;
  readonly #requests = new Map<string, BatchedRequest<Req, Res>>();
  /** The requests of a half, which gathers no others. */
  readonly #half: readonly BatchedRequest<Req, Res>[];
  /** The inputs of the records, if it gathers. */
  readonly #inputs = new Set<InputEnd>();
  /** Callers that must not wait: a hedge, whose first call is under way, would wait behind it. */
  readonly #hasty: Cancellation[] = [];
  readonly #undo: (() => void)[] = [];
  #onStop: () => void = () => {};

  /** With `half`: those of these requests that a caller still waits for. */
  constructor(half: readonly BatchedRequest<Req, Res>[] = []) {
    this.shared = new SharedCall(half.length > 0);
    this.#half = half.filter(({ waitedFor }) => waitedFor);
    for (const { waiters } of this.#half) {
      // The callers have the answers of their first waiters; they join so that the call knows them.
      for (const { context } of waiters.filter((waiter) => !waiter.context.cancelled)) {
        const waiter = this.shared.join(context, ignored);
        waiter.wait();
        waiters.push(waiter);
      }
    }
    if (half.length > 0 && this.#half.length === 0) this.shared.cancel(undefined);
  }

  get size(): number {
    return this.#requests.size + this.#half.length;
  }

  /** Whether a stream of these records may bring another request. */
  get mayGrow(): boolean {
    for (const input of this.#inputs) if (input.arrivals.mayCome) return true;
    return false;
  }

  /** From now on `onStop` is called when one of the streams can bring no more requests. */
  gather(onStop: () => void): void {
    this.#onStop = onStop;
  }

  onStopGathering(undo: () => void): void {
    this.#undo.push(undo);
  }

  stopGathering(): void {
    for (const undo of this.#undo) undo();
    this.#undo.length = 0;
  }

  join(key: string, request: Req, caller: CallContext, receiver: Receiver<Res>): Later {
    let batched = this.#requests.get(key);
    if (batched === undefined) {
      batched = new BatchedRequest(request);
      this.#requests.set(key, batched);
    }
    const waiter = this.shared.join(caller.mayWait ? caller : this.#hastyOf(caller), receiver);
    batched.waiters.push(waiter);
    const { inputEnd } = caller;
    if (!this.#inputs.has(inputEnd)) {
      this.#inputs.add(inputEnd);
      this.onStopGathering(inputEnd.arrivals.onStop(this.#onStop));
    }
    const waits: Later = waiter.wait();
    if (this.waitsAtLimit) this.#dropHasty();
    return waits;
  }

  /** Reports once that its records wait at a limit. Those that must not wait leave. */
  waitAtLimit(): void {
    if (this.waitsAtLimit) return;
    this.waitsAtLimit = true;
    this.shared.limitWaiting(1);
    this.#dropHasty();
  }

  #hastyOf(caller: CallContext): CallContext {
    const hasty = new Cancellation(caller.deadline, caller.attempt, caller);
    caller.onCancel((reason) => hasty.cancel(reason));
    this.#hasty.push(hasty);
    return hasty;
  }

  #dropHasty(): void {
    for (const call of this.#hasty)
      call.cancel(new RecordError('cancelled', 'the call would have to wait for its turn'));
    this.#hasty.length = 0;
  }

  /** Ends its waits before the call, and returns the requests that a caller still waits for. */
  begin(): readonly BatchedRequest<Req, Res>[] {
    this.stopGathering();
    if (this.waitsAtLimit) this.shared.limitWaiting(-1);
    this.waitsAtLimit = false;
    return [...this.#requests.values(), ...this.#half].filter(({ waitedFor }) => waitedFor);
  }
}
