import { type CallContext, Cancellation, type CancelHook } from '../../../src/core/call/call-context.ts';
import type { Service } from '../../../src/lookup/lookup.ts';

/** A record as the operator runs it: its context counts what is reported to it. */
export class Record extends Cancellation {
  hooks = 0;
  limitWaits = 0;
  batches = 0;
  retries = 0;
  began = 0;

  override onCancel(hook: CancelHook): () => void {
    this.hooks++;
    let known = true;
    const forget = super.onCancel((reason) => {
      if (known) this.hooks--;
      known = false;
      hook(reason);
    });
    return () => {
      if (known) this.hooks--;
      known = false;
      forget();
    };
  }

  override limitWaiting(delta: 1 | -1): void {
    this.limitWaits += delta;
  }

  override inBatch(delta: 1 | -1): void {
    this.batches += delta;
  }

  override retryWaiting(delta: 1 | -1): void {
    this.retries += delta;
  }

  override callBegins(): void {
    this.began++;
  }

  override callRefused(): void {
    this.began--;
  }

  /** The answer to the one request of these tests, or the error. */
  ask(service: Service<string, string>): Promise<unknown> {
    return Promise.resolve(service('key', this)).catch((error: unknown) => error);
  }
}

export interface HeldCall {
  readonly context: CallContext;
  resolve(answer: string): void;
  reject(error: unknown): void;
}

/** The far end: it keeps every call until the test answers it, and rejects one that is cancelled. */
export class Held {
  readonly calls: HeldCall[] = [];
  /** The reasons of the calls that were cancelled. */
  readonly cancelledWith: unknown[] = [];

  readonly service: Service<string, string> = (_, context) =>
    new Promise((resolve, reject) => {
      this.calls.push({ context, resolve, reject });
      context.onCancel((reason) => {
        this.cancelledWith.push(reason);
        reject(reason);
      });
    });
}
