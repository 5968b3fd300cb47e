import type { CallContext, CancelListener } from '../../../src/core/call/call-context.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { PromisedOutcome, type Receiver } from '../../../src/core/call/receiver.ts';
import type { SharedCall } from '../../../src/core/call/shared-call.ts';
import type { Service } from '../../../src/lookup/lookup.ts';

/** A record as the operator runs it: its context counts what is reported to it. */
export class Record extends Cancellation {
  readonly #listeners = new Set<CancelListener>();
  limitWaits = 0;
  batches = 0;
  retries = 0;
  began = 0;

  override addCancelListener(listener: CancelListener): void {
    this.#listeners.add(listener);
    super.addCancelListener(listener);
  }

  override removeCancelListener(listener: CancelListener): void {
    this.#listeners.delete(listener);
    super.removeCancelListener(listener);
  }

  override cancel(reason: unknown): void {
    super.cancel(reason);
    this.#listeners.clear();
  }

  /** Listeners that are left. */
  get hooks(): number {
    return this.#listeners.size;
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

/** For a caller whose outcome does not matter. */
export const ignoring: Receiver<unknown> = { answered() {}, failed() {} };

/** The outcome of a shared call for one more caller, who waits for it. */
export function outcomeOf(call: SharedCall<unknown>, context: CallContext): Promise<unknown> {
  const outcome = new PromisedOutcome<unknown>();
  call.join(context, outcome).wait();
  return outcome.promise();
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
