/** Returned by a call whose outcome is not there yet: its receiver gets it. */
export const later = Symbol('later');
export type Later = typeof later;

/**
 * Receives the outcome of a call that returned `later`: one of the two methods is called, once. It may be called before
 * the call has returned: if its context is cancelled already, or if it fills a batch that is answered or fails at once.
 * Neither method throws.
 */
export interface Receiver<Res> {
  /** `nowMs`: the time of the clock, if it was just read. */
  answered(answer: Res, nowMs?: number): void;
  failed(error: unknown): void;
}

/** An outcome as a promise. It makes no promise for a call that has an immediate answer. */
export class PromisedOutcome<Res> implements Receiver<Res> {
  #promise: Promise<Res> | undefined = undefined;
  #resolve: ((answer: Res) => void) | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;

  /** Called once. */
  promise(): Promise<Res> {
    return (
      this.#promise ??
      new Promise((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      })
    );
  }

  answered(answer: Res): void {
    if (this.#resolve === undefined) this.#promise = Promise.resolve(answer);
    else this.#resolve(answer);
  }

  failed(error: unknown): void {
    if (this.#reject === undefined) this.#promise = rejected(error);
    else this.#reject(error);
  }
}

async function rejected(error: unknown): Promise<never> {
  throw error;
}

/** Outcomes that their receivers get in a promise job, in order. */
let waiting: { deliver(): void }[] = [];
const now = Promise.resolve();

/**
 * Passes an outcome on in a promise job, like a promise: for code that must not call a receiver while it runs. The
 * outcomes of a turn share one job.
 */
export class DeferredOutcome<Res> implements Receiver<Res> {
  readonly #receiver: Receiver<Res>;
  #answer: Res | undefined = undefined;
  #nowMs: number | undefined = undefined;
  #error: unknown = undefined;
  #isFailure = false;

  constructor(receiver: Receiver<Res>) {
    this.#receiver = receiver;
  }

  answered(answer: Res, nowMs?: number): void {
    this.#answer = answer;
    this.#nowMs = nowMs;
    this.#wait();
  }

  failed(error: unknown): void {
    this.#isFailure = true;
    this.#error = error;
    this.#wait();
  }

  deliver(): void {
    if (this.#isFailure) this.#receiver.failed(this.#error);
    else this.#receiver.answered(this.#answer as Res, this.#nowMs);
  }

  #wait(): void {
    waiting.push(this);
    if (waiting.length === 1) void now.then(deliverAll);
  }
}

function deliverAll(): void {
  const outcomes = waiting;
  waiting = [];
  for (const outcome of outcomes) {
    try {
      outcome.deliver();
    } catch (error) {
      // A defect of one receiver: the process reports it as an unhandled rejection, and the others get their outcomes.
      void Promise.reject(error);
    }
  }
}
