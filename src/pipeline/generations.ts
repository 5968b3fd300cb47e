import type { Config } from '../config/schema/schema.ts';
import type { JsonData } from '../core/json/json-data.ts';
import type { Pipelines } from './build.ts';

export interface GenerationOptions {
  readonly config: Config;
  readonly pipelines: Pipelines;
  /** The effective configuration of a pipeline there is, secrets hidden. */
  readonly describe: (pipeline: string) => JsonData;
}

/** One configuration at work. Whoever uses its pipelines for longer than a moment holds it. */
export class Generation {
  readonly config: Config;
  readonly pipelines: Pipelines;
  readonly describe: GenerationOptions['describe'];
  #holders = 0;
  #replaced: (() => void) | undefined;

  constructor({ config, pipelines, describe }: GenerationOptions) {
    this.config = config;
    this.pipelines = pipelines;
    this.describe = describe;
  }

  get limits(): Config['server']['limits'] {
    return this.config.server.limits;
  }

  /** Those who hold it now. */
  get holders(): number {
    return this.#holders;
  }

  /** Keeps its pipelines open until the function returned is called, the first time. */
  hold(): () => void {
    this.#holders++;
    let holds = true;
    return () => {
      if (!holds) return;
      holds = false;
      this.#holders--;
      this.#lookForEnd();
    };
  }

  /** It is given to nobody any more. `unused` is called once, when nobody holds it: at once where nobody does. */
  retire(unused: () => void): void {
    this.#replaced = unused;
    this.#lookForEnd();
  }

  #lookForEnd(): void {
    if (this.#holders > 0) return;
    const unused = this.#replaced;
    this.#replaced = undefined;
    unused?.();
  }
}

/**
 * The configuration in force, and those before it that are still used.
 *
 *     request ──▶ current ──▶ [generation 3]  holders 2
 *                  earlier    [generation 2]  holders 1 ──▶ 0: its pipelines are closed
 *
 * A request asks once, and stays with what it got.
 */
export class Generations {
  #current: Generation;
  readonly #earlier = new Set<Generation>();
  readonly #closing = new Set<Promise<void>>();
  readonly #onClosed: (error: unknown) => void;

  /** `onClosed` hears of every generation that was replaced and is closed now; with an error where that failed. */
  constructor(first: Generation, onClosed: (error: unknown) => void) {
    this.#current = first;
    this.#onClosed = onClosed;
  }

  get current(): Generation {
    return this.#current;
  }

  /** Those that are open, the one in force first. */
  get open(): readonly Generation[] {
    return [this.#current, ...this.#earlier];
  }

  /** Everything that begins from now on gets `next`. */
  replace(next: Generation): void {
    const last = this.#current;
    this.#current = next;
    this.#earlier.add(last);
    last.retire(() => this.#close(last));
  }

  /** Closes all of them, be they held or not; for the end of the service. */
  async close(): Promise<void> {
    const open = this.open;
    this.#earlier.clear();
    await Promise.all([...this.#closing, ...open.map(({ pipelines }) => pipelines.close())]);
  }

  #close(generation: Generation): void {
    if (!this.#earlier.delete(generation)) return;
    const closing = generation.pipelines
      .close()
      .then(
        () => this.#onClosed(undefined),
        (error: unknown) => this.#onClosed(error),
      )
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
