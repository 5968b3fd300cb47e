import type { CallContext, CancelHook, InputEnd } from './call-context.ts';
import type { CallTrace } from '../observer/tracing.ts';

/** The context of a caller, for a call within its own: what a subclass says otherwise, and the rest as it is. */
export class InnerContext implements CallContext {
  readonly #caller: CallContext;

  constructor(caller: CallContext) {
    this.#caller = caller;
  }

  get attempt(): number {
    return this.#caller.attempt;
  }

  get superstep(): number {
    return this.#caller.superstep ?? 1;
  }

  get deadline(): number {
    return this.#caller.deadline;
  }

  get cancelled(): boolean {
    return this.#caller.cancelled;
  }

  get inputEnd(): InputEnd {
    return this.#caller.inputEnd;
  }

  get trace(): CallTrace | undefined {
    return this.#caller.trace;
  }

  get signal(): AbortSignal {
    return this.#caller.signal;
  }

  onCancel(hook: CancelHook): () => void {
    return this.#caller.onCancel(hook);
  }

  retryWaiting(delta: 1 | -1): void {
    this.#caller.retryWaiting(delta);
  }

  turnWaiting(delta: 1 | -1): void {
    this.#caller.turnWaiting(delta);
  }

  callBegins(): void {
    this.#caller.callBegins();
  }
}
