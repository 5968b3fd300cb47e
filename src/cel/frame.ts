import type { Value } from './value.ts';

/**
 * Steps that one evaluation may take. A step is about as much work as 50 ns allow on a slow core, so that an evaluation
 * holds the event loop for about 50 ms at the most.
 */
const maxSteps = 1_000_000;

/** Characters that are copied or compared in the time of one step. */
export const charactersPerStep = 16;

/** Why an expression has no value for these variables, or no meaning at all. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  /** Offset into the expression; undefined until the code that knows it has seen the error. */
  offset: number | undefined;
  /** `||`, `&&`, `all` and `exists` ignore an error if the other side decides, but not this one. */
  readonly fatal: boolean;

  constructor(message: string, offset?: number, fatal = false) {
    // The trace of the calls is what an error costs, and it says nothing about an expression.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
    this.offset = offset;
    this.fatal = fatal;
  }
}

let taken = 0;

/** Steps that all evaluations of this process have taken. */
export function stepsTaken(): number {
  return taken;
}

/** What one evaluation works on: the values of its variables, and the steps that it has left. */
export class Frame {
  readonly slots: Value[];
  #left = maxSteps;

  constructor(slots: number) {
    this.slots = Array.from({ length: slots }, () => null);
  }

  /** Throws ExpressionError when the work is more than one evaluation may do. Called before the work is done. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) {
      throw new ExpressionError(`this takes more than ${maxSteps} steps for this record`, undefined, true);
    }
  }

  /** Pays for a pass over this many characters, bytes or machine words. */
  spendPass(length: number): void {
    this.spend(1 + Math.floor(length / charactersPerStep));
  }

  /** Holds no value of a record any longer, and has all its steps again. */
  reset(): void {
    for (let slot = 0; slot < this.slots.length; slot += 1) this.slots[slot] = null;
    taken += maxSteps - this.#left;
    this.#left = maxSteps;
  }
}

/** The error, with the place where it arose. Errors that know their place keep it. */
export function located(thrown: unknown, offset: number): unknown {
  if (thrown instanceof ExpressionError) thrown.offset ??= offset;
  return thrown;
}

/** An error that may still be ignored. Throws any other. */
export function ignorable(thrown: unknown): ExpressionError {
  if (thrown instanceof ExpressionError && !thrown.fatal) return thrown;
  throw thrown;
}
