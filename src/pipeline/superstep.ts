import type { CallContext, CancelHook, InputEnd } from '../core/call-context.ts';

/** The context of a record for one of the calls of a step that repeats. */
export class Superstep implements CallContext {
  readonly superstep: number;
  readonly #record: CallContext;

  constructor(record: CallContext, superstep: number) {
    this.#record = record;
    this.superstep = superstep;
  }

  get attempt(): number {
    return this.#record.attempt;
  }

  get deadline(): number {
    return this.#record.deadline;
  }

  get cancelled(): boolean {
    return this.#record.cancelled;
  }

  get inputEnd(): InputEnd {
    return this.#record.inputEnd;
  }

  get signal(): AbortSignal {
    return this.#record.signal;
  }

  onCancel(hook: CancelHook): () => void {
    return this.#record.onCancel(hook);
  }

  retryWaiting(delta: 1 | -1): void {
    this.#record.retryWaiting(delta);
  }
}
