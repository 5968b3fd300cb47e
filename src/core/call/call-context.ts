import type { CallTrace } from '../observer/tracing.ts';
import type { KnownAnswer } from './known-answer.ts';
import { Arrivals } from './arrivals.ts';

/**
 * The context of one call: its deadline, the waits that it reports to its record, and its cancellation.
 *
 *     InputEnd               the outermost context: one for all calls of a stream
 *       └─ Cancellation      of a record, of an attempt: it has a deadline and can be cancelled by itself
 *            └─ InnerContext of a call within: a later attempt, a call with a span
 *                 └─ …
 *
 * Every context but the outermost one extends Carried, which returns each member of the caller's context. A member that
 * is added here does not compile until Carried has it; then all contexts have it. A subclass overrides some members.
 */
export interface CallContext {
  /** 1 = first. */
  readonly attempt: number;
  /** The number of this call among those of a step that repeats, 1 = first; 1 if the step does not repeat. */
  readonly superstep: number;
  /** Clock milliseconds at which the time of the record ends; Infinity if nothing ends it. */
  readonly deadline: number;
  readonly cancelled: boolean;
  readonly inputEnd: InputEnd;
  /** Whether the call may wait at a limit. If not, it fails if it would have to (a hedge). */
  readonly mayWait: boolean;
  /** The place in a trace that the call is made from; undefined if the stream belongs to no trace. */
  readonly trace: CallTrace | undefined;
  /** The answer that the caller has, if the far end may confirm it instead of sending one; undefined if it has none. */
  readonly known: KnownAnswer | undefined;
  /** Made at its first use; aborted with the reason of the cancellation. Costs 6 to 20 microseconds a call. */
  readonly signal: AbortSignal;
  /** Calls `listener.callCancelled` once when the call is cancelled; at once if it is cancelled already. */
  addCancelListener(listener: CancelListener): void;
  /** Removes a listener that was added; does nothing if there is none. */
  removeCancelListener(listener: CancelListener): void;
  /** Adds a function as a listener. The returned function removes it. */
  onCancel(hook: CancelHook): () => void;
  /** The record begins (1) or ends (-1) a wait before it is tried again. The calls come in pairs, and only count. */
  retryWaiting(delta: 1 | -1): void;
  /** A call begins (1) or ends (-1) a wait at a limit that streams share. The calls come in pairs. */
  limitWaiting(delta: 1 | -1): void;
  /** A call joins a batch (1) or leaves it (-1), with its answer or without. The calls come in pairs. */
  inBatch(delta: 1 | -1): void;
  /** A call begins: its wait at the limit is over. The clock of a record starts with its first call (semantics C7). */
  callBegins(): void;
  /** The call that has begun was not made: a breaker refused it, or no time was left. It is no attempt. */
  callRefused(): void;
  /** The call has begun for another caller, who shares it with this one. */
  callShared(): void;
}

export type CancelHook = (reason: unknown) => void;

/** Receives the cancellation of a call. An object of the call itself costs nothing; a function costs two closures a call. */
export interface CancelListener {
  callCancelled(reason: unknown): void;
}

/**
 * The input that calls belong to, and the outermost context of these calls. It has no deadline and is never cancelled.
 *
 * It reports once that the input has ended and that its end cuts waits for a retry short (semantics R6, `lastAttempt`).
 * All calls of an input share one, so the trace that they belong to, and their weight, are kept here: they cost
 * a record nothing.
 */
export class InputEnd implements CallContext {
  readonly trace: CallTrace | undefined;
  /** Turns of its calls in a round at a limit that streams share: a whole number, at least 1. */
  readonly weight: number;
  readonly attempt = 1;
  readonly superstep = 1;
  readonly deadline = Infinity;
  readonly cancelled = false;
  readonly mayWait = true;
  readonly known = undefined;
  /** Whether more of these calls may come. */
  readonly arrivals = new Arrivals();
  #ended = false;
  readonly #hooks = new Set<() => void>();

  constructor(trace?: CallTrace, weight = 1) {
    this.trace = trace;
    this.weight = weight;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Calls `hook` once when the input ends; at once if it has ended already. The returned function removes the hook. */
  onEnd(hook: () => void): () => void {
    if (this.#ended) {
      hook();
      return nothing;
    }
    this.#hooks.add(hook);
    return () => this.#hooks.delete(hook);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const hooks = [...this.#hooks];
    this.#hooks.clear();
    for (const hook of hooks) hook();
  }

  get inputEnd(): this {
    return this;
  }

  get signal(): AbortSignal {
    return new AbortController().signal;
  }

  addCancelListener(): void {}

  removeCancelListener(): void {}

  onCancel(): () => void {
    return nothing;
  }

  retryWaiting(): void {}

  limitWaiting(): void {}

  inBatch(): void {}

  callBegins(): void {}

  callRefused(): void {}

  callShared(): void {}
}

const nothing = (): void => {};

/** For a call that belongs to no input: it never ends. A caller that adds a hook must remove it. */
export const endlessInput = new InputEnd();

/**
 * Returns each member of the caller's context, unless a subclass overrides it. It has neither a constructor nor fields,
 * so it costs a record nothing.
 */
export abstract class Carried implements CallContext {
  declare protected caller: CallContext;

  get attempt(): number {
    return this.caller.attempt;
  }

  get superstep(): number {
    return this.caller.superstep;
  }

  get deadline(): number {
    return this.caller.deadline;
  }

  get cancelled(): boolean {
    return this.caller.cancelled;
  }

  get inputEnd(): InputEnd {
    return this.caller.inputEnd;
  }

  get mayWait(): boolean {
    return this.caller.mayWait;
  }

  get trace(): CallTrace | undefined {
    return this.caller.trace;
  }

  get known(): KnownAnswer | undefined {
    return this.caller.known;
  }

  get signal(): AbortSignal {
    return this.caller.signal;
  }

  addCancelListener(listener: CancelListener): void {
    this.caller.addCancelListener(listener);
  }

  removeCancelListener(listener: CancelListener): void {
    this.caller.removeCancelListener(listener);
  }

  onCancel(hook: CancelHook): () => void {
    return this.caller.onCancel(hook);
  }

  retryWaiting(delta: 1 | -1): void {
    this.caller.retryWaiting(delta);
  }

  limitWaiting(delta: 1 | -1): void {
    this.caller.limitWaiting(delta);
  }

  inBatch(delta: 1 | -1): void {
    this.caller.inBatch(delta);
  }

  callBegins(): void {
    this.caller.callBegins();
  }

  callRefused(): void {
    this.caller.callRefused();
  }

  callShared(): void {
    this.caller.callShared();
  }
}

/** The context of a call that another call makes: all members are those of the caller. */
export class InnerContext extends Carried {
  constructor(caller: CallContext) {
    super();
    this.caller = caller;
  }
}
