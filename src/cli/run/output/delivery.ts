import { Fifo } from '../../../core/fifo.ts';
import type { Target } from './target.ts';

/** Bytes that wait for a target, at most, before the stream waits as well. */
const mostQueuedBytes = 1024 * 1024;

/** Lengths of the two files. */
export interface Lengths {
  readonly output: number;
  readonly errors: number;
}

type Step =
  | { readonly kind: 'lines' | 'errors'; readonly bytes: Buffer }
  | { readonly kind: 'commit'; readonly committed: (lengths: Lengths) => Promise<void> | void }
  | { readonly kind: 'rollback' };

export interface DeliveryOptions {
  readonly output: Target;
  readonly errors: Target | undefined;
  /** There is room again, after `hasRoom` was false. */
  readonly onRoom: () => void;
  readonly onFailure: (error: Error) => void;
}

/**
 * Writes the output in the order in which it comes, one step at a time:
 *
 *     lines ▸ errors ▸ lines ▸ commit ▸ lines ▸ rollback ▸ …
 *                              both targets: what is before it is final
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #steps = new Fifo<Step>();
  #queuedBytes = 0;
  #full = false;
  #running: Promise<void> | undefined;
  #failed = false;
  #begun = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** If not, `onRoom` is called when there is. */
  get hasRoom(): boolean {
    this.#full = this.#queuedBytes >= mostQueuedBytes;
    return !this.#full;
  }

  lines(bytes: Buffer): void {
    this.#queue({ kind: 'lines', bytes });
  }

  errors(bytes: Buffer): void {
    this.#queue({ kind: 'errors', bytes });
  }

  /** What is before this call is final. `committed` is called when the targets have it. */
  commit(committed: (lengths: Lengths) => Promise<void> | void): void {
    this.#queue({ kind: 'commit', committed });
  }

  /** What is after the last commit is removed. */
  rollback(): void {
    this.#queue({ kind: 'rollback' });
  }

  /** Resolves when every step is done, or after `onFailure` was called. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Closes both targets. Rejects if something cannot be written. */
  async close(): Promise<void> {
    await this.settled();
    await this.#options.output.close();
    await this.#options.errors?.close();
  }

  #queue(step: Step): void {
    if (this.#failed) return;
    this.#steps.push(step);
    if ('bytes' in step) this.#queuedBytes += step.bytes.length;
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      for (let step = this.#steps.shift(); step !== undefined; step = this.#steps.shift()) {
        await this.#take(step);
        if (!this.#full || this.#queuedBytes >= mostQueuedBytes / 2) continue;
        this.#full = false;
        this.#options.onRoom();
      }
    } catch (error) {
      this.#failed = true;
      this.#options.onFailure(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#running = undefined;
    }
  }

  async #take(step: Step): Promise<void> {
    const { output, errors } = this.#options;
    if (step.kind === 'rollback') {
      await output.rollback();
      await errors?.rollback();
      return;
    }
    // Not before: a service may refuse the first request, and then the files stay as they are.
    if (!this.#begun) {
      this.#begun = true;
      await output.begin();
      await errors?.begin();
    }
    if (step.kind === 'commit') {
      await step.committed({ output: await output.commit(), errors: (await errors?.commit()) ?? 0 });
    } else {
      await (step.kind === 'lines' ? output : (errors ?? output)).write(step.bytes);
      this.#queuedBytes -= step.bytes.length;
    }
  }
}
