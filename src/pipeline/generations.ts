import type { Config } from '../config/schema/schema.ts';
import type { JsonData } from '../core/json/json-data.ts';
import type { Pipelines } from './build.ts';

/** The effective configuration of an existing pipeline or lookup, secrets hidden. */
export type DescribeConfig = (section: 'pipelines' | 'lookups', name: string) => JsonData;

export interface GenerationOptions {
  readonly config: Config;
  readonly pipelines: Pipelines;
  readonly describe: DescribeConfig;
}

/** One configuration that requests run with. A request that uses its pipelines for longer than one call holds it. */
export class Generation {
  readonly config: Config;
  readonly pipelines: Pipelines;
  readonly describe: DescribeConfig;
  #holders = 0;
  #replaced: (() => void) | undefined;

  constructor({ config, pipelines, describe }: GenerationOptions) {
    this.config = config;
    this.pipelines = pipelines;
    this.describe = describe;
  }

  get server(): Config['server'] {
    return this.config.server;
  }

  get limits(): Config['server']['limits'] {
    return this.config.server.limits;
  }

  /** Number of holders now. */
  get holders(): number {
    return this.#holders;
  }

  /** Keeps its pipelines open until the returned function is first called. */
  keepOpen(): () => void {
    this.#holders++;
    let holds = true;
    return () => {
      if (!holds) return;
      holds = false;
      this.#holders--;
      this.#lookForEnd();
    };
  }

  /** No new holder is added from now on. Calls `unused` once, when the last holder has released it; immediately if there is none. */
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
 * The current configuration, and earlier ones that are still held.
 *
 *     request ──▶ current ──▶ [generation 3]  holders 2
 *                  earlier    [generation 2]  holders 1 ──▶ 0: its pipelines are closed
 *
 * A request reads `current` once, and uses that generation to its end.
 */
export class Generations {
  #current: Generation;
  readonly #earlier = new Set<Generation>();
  readonly #closing = new Set<Promise<void>>();
  readonly #onClosed: (error: unknown) => void;

  /** `onClosed` is called for each replaced generation when it is closed; with the error if closing it failed. */
  constructor(first: Generation, onClosed: (error: unknown) => void) {
    this.#current = first;
    this.#onClosed = onClosed;
  }

  get current(): Generation {
    return this.#current;
  }

  /** All open generations, the current one first. */
  get open(): readonly Generation[] {
    return [this.#current, ...this.#earlier];
  }

  /** Every request that begins from now on gets `next`. */
  replace(next: Generation): void {
    const last = this.#current;
    this.#current = next;
    this.#earlier.add(last);
    last.retire(() => this.#close(last));
  }

  /** Closes all generations, also the held ones; for the end of the service. */
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
