import type { CallTrace } from '../observer/tracing.ts';

/**
 * What travels with one call: until when it may run, and how it hears that nobody waits any more.
 *
 * A cancellation costs one array push where somebody listens and nothing where nobody does;
 * an `AbortSignal` (6 to 20 microseconds a call) is made only for those who ask for `signal`.
 */
export type CancelHook = (reason: unknown) => void;

/**
 * Says once that the input has ended and that its end cuts waits for a retry short (semantics R6, `lastAttempt`). All
 * calls of an input share one, so the trace that they belong to is kept here: it costs a record nothing.
 */
export class InputEnd {
  readonly trace: CallTrace | undefined;
  #ended = false;
  readonly #hooks = new Set<() => void>();

  constructor(trace?: CallTrace) {
    this.trace = trace;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Calls `hook` once at the end of the input, at once if that was before. The function returned takes it back. */
  onEnd(hook: () => void): () => void {
    if (this.#ended) {
      hook();
      return () => {};
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
}

/** For a call that belongs to no input: it never ends. Whoever listens must take the hook back. */
const endlessInput = new InputEnd();

export interface CallContext {
  /** 1 = first. */
  readonly attempt: number;
  /** Which call of a step that repeats this is for, 1 = first; 1 or undefined where it does not repeat. */
  readonly superstep?: number;
  /** Clock milliseconds at which the record's time runs out; Infinity where it has none. */
  readonly deadline: number;
  readonly cancelled: boolean;
  readonly inputEnd: InputEnd;
  /** The place in a trace that the call is made from; undefined where there is none to speak of. */
  readonly trace: CallTrace | undefined;
  /** Made at its first use; aborted with the reason of the cancellation. */
  readonly signal: AbortSignal;
  /** Calls `hook` once at cancellation, at once if that was before. The function returned takes it back. */
  onCancel(hook: CancelHook): () => void;
  /** The record begins (1) or ceases (-1) to wait before it is tried again; always in pairs. Only counts. */
  retryWaiting(delta: 1 | -1): void;
  /** A call begins (1) or ceases (-1) to wait for its turn at something that streams share; always in pairs. */
  turnWaiting(delta: 1 | -1): void;
  /** A call begins: it waits for no turn any more. The clock of a record starts with its first call (semantics C7). */
  callBegins(): void;
}

export class Cancellation implements CallContext {
  readonly attempt: number;
  deadline: number;
  readonly inputEnd: InputEnd;
  #reason: unknown;
  #cancelled = false;
  #hooks: (CancelHook | undefined)[] | undefined;
  #controller: AbortController | undefined;

  constructor(deadline = Infinity, attempt = 1, inputEnd = endlessInput) {
    this.deadline = deadline;
    this.attempt = attempt;
    this.inputEnd = inputEnd;
  }

  get superstep(): number {
    return 1;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  get trace(): CallTrace | undefined {
    return this.inputEnd.trace;
  }

  get reason(): unknown {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  onCancel(hook: CancelHook): () => void {
    if (this.#cancelled) {
      hook(this.#reason);
      return () => {};
    }
    // Most calls have one listener, and a literal has room for one; a push makes room for 17.
    const known = this.#hooks;
    const hooks = known ?? (this.#hooks = [hook]);
    const place = known === undefined ? 0 : known.push(hook) - 1;
    return () => {
      // The place may have been given to another hook since: taking back twice must not take back that one.
      if (hooks[place] !== hook) return;
      hooks[place] = undefined;
      while (hooks.length > 0 && hooks.at(-1) === undefined) hooks.pop();
    };
  }

  /** Counted by those who have somewhere to count it. */
  retryWaiting(_delta: 1 | -1): void {}

  turnWaiting(_delta: 1 | -1): void {}

  callBegins(): void {}

  /** The first call decides; every later one is ignored. */
  cancel(reason: unknown): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#reason = reason;
    const hooks = this.#hooks;
    this.#hooks = undefined;
    if (hooks !== undefined) for (const hook of hooks) hook?.(reason);
    this.#controller?.abort(reason);
  }
}
