import { type CallContext, type CancelHook, type CancelListener, Carried, endlessInput } from './call-context.ts';

interface Seldom {
  reason: unknown;
  /** Listeners that came after the first one. A removed one leaves a gap. */
  others: (CancelListener | undefined)[] | undefined;
  controller: AbortController | undefined;
}

/**
 * The context of a call with a cancellation and a deadline of its own; the other members are its caller's. A
 * cancellation of the caller does not cancel it, unless its owner links the two.
 *
 * Most calls have one listener, which costs nothing; an `AbortSignal` is made only for callees that use `signal`.
 */
export class Cancellation extends Carried {
  // Assigned in the constructor: V8 defines a private field, or any field of a class, slowly (20 ns) if the classes that
  // extend this one are more than four, and every record has an object of most of them.
  declare private readonly ownAttempt: number;
  declare private ownDeadline: number;
  declare private isCancelled: boolean;
  declare private listener: CancelListener | undefined;
  /** What few calls need. */
  declare private seldom: Seldom | undefined;

  constructor(deadline = Infinity, attempt = 1, caller: CallContext = endlessInput) {
    super();
    this.caller = caller;
    this.ownDeadline = deadline;
    this.ownAttempt = attempt;
    this.isCancelled = false;
    this.listener = undefined;
    this.seldom = undefined;
  }

  override get attempt(): number {
    return this.ownAttempt;
  }

  override get deadline(): number {
    return this.ownDeadline;
  }

  override set deadline(ms: number) {
    this.ownDeadline = ms;
  }

  override get cancelled(): boolean {
    return this.isCancelled;
  }

  get reason(): unknown {
    return this.seldom?.reason;
  }

  override get signal(): AbortSignal {
    const seldom = this.forSeldom();
    if (seldom.controller === undefined) {
      seldom.controller = new AbortController();
      if (this.isCancelled) seldom.controller.abort(seldom.reason);
    }
    return seldom.controller.signal;
  }

  override addCancelListener(listener: CancelListener): void {
    if (this.isCancelled) return listener.callCancelled(this.reason);
    if (this.listener === undefined && this.seldom?.others === undefined) this.listener = listener;
    else (this.forSeldom().others ??= []).push(listener);
  }

  override removeCancelListener(listener: CancelListener): void {
    if (this.listener === listener) {
      this.listener = undefined;
      return;
    }
    const others = this.seldom?.others;
    const index = others?.lastIndexOf(listener) ?? -1;
    if (others === undefined || index < 0) return;
    others[index] = undefined;
    while (others.length > 0 && others.at(-1) === undefined) others.pop();
  }

  override onCancel(hook: CancelHook): () => void {
    const listener = { callCancelled: hook };
    this.addCancelListener(listener);
    return () => this.removeCancelListener(listener);
  }

  /** The first call decides; every later one is ignored. */
  cancel(reason: unknown): void {
    if (this.isCancelled) return;
    const seldom = this.forSeldom();
    this.isCancelled = true;
    seldom.reason = reason;
    this.listener?.callCancelled(reason);
    this.listener = undefined;
    // A listener may remove another one, which leaves a gap.
    if (seldom.others !== undefined) for (const listener of seldom.others) listener?.callCancelled(reason);
    seldom.others = undefined;
    seldom.controller?.abort(reason);
  }

  private forSeldom(): Seldom {
    return (this.seldom ??= { reason: undefined, others: undefined, controller: undefined });
  }
}
