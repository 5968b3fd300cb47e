import type { Block, Lines, Place } from '../lines/block.ts';
import type { Selection } from '../lines/selection.ts';
import type { LineReaderOptions } from './line-reader.ts';
import { InputError, type InputFile } from './input-file.ts';

/** Reads the chosen lines of all inputs, one input after the other. */
export class Source {
  readonly #selection: Selection;
  readonly #lines: AsyncGenerator<Lines>;
  #failure: InputError | undefined;
  #stopped = false;
  #stop: () => void = () => {};
  readonly #whenStopped: Promise<undefined>;

  constructor(inputs: readonly InputFile[], from: Place, selection: Selection, options: LineReaderOptions) {
    this.#selection = selection;
    this.#lines = linesOf(inputs, from, options);
    this.#whenStopped = new Promise((resolve) => {
      this.#stop = () => resolve(undefined);
    });
  }

  /** Why the inputs were not read to their end, if one could not be. */
  get failure(): InputError | undefined {
    return this.#failure;
  }

  /** Whether the lines end because of `stop`. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** No more lines are read. */
  stop(): void {
    this.#stopped = true;
    this.#stop();
  }

  /** The next lines; undefined after the last one. Called again after it has resolved. */
  async read(): Promise<Block | undefined> {
    if (this.#stopped || this.#selection.complete) return this.#end();
    try {
      // A read of a terminal or a pipe may take for ever.
      const read = await Promise.race([this.#lines.next(), this.#whenStopped]);
      if (read === undefined || read.done === true) return undefined;
      return this.#selection.block(read.value);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#failure = error;
      return undefined;
    }
  }

  #end(): undefined {
    void this.#lines.return(undefined).catch(() => {});
    return undefined;
  }
}

async function* linesOf(inputs: readonly InputFile[], from: Place, options: LineReaderOptions): AsyncGenerator<Lines> {
  for (const [index, input] of inputs.entries()) {
    if (index < from.input) input.readBytes = input.size ?? 0;
    else yield* input.lines(index === from.input ? from.offset : 0, options);
  }
}
