import type { Value } from './value.ts';

/**
 * Steps that one evaluation may take. A step is about the work of 50 ns on a slow core, so that one evaluation takes at
 * most about 50 ms of the event loop.
 */
const maxSteps = 1_000_000;

/** Characters that are copied or compared in one step. */
export const charactersPerStep = 16;

/** An expression has no value for these variables, or is not a valid expression. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  /** Offset into the expression; undefined until the error passes code that knows it. */
  offset: number | undefined;
  /** `||`, `&&`, `all` and `exists` ignore an error if the other side decides, but not this one. */
  readonly fatal: boolean;

  constructor(message: string, offset?: number, fatal = false) {
    // No stack trace: it is most of the cost of an error, and says nothing about an expression.
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

/** The state of one evaluation: the values of its variables, and the steps that it has left. */
export class Frame {
  readonly slots: Value[];
  #left = maxSteps;

  constructor(slots: number) {
    this.slots = Array.from({ length: slots }, () => null);
  }

  /** Throws ExpressionError if the evaluation would take too many steps. Call it before the work, not after. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) {
      throw new ExpressionError(`this takes more than ${maxSteps} steps for this record`, undefined, true);
    }
  }

  /** Spends the steps of one pass over so many characters, bytes or machine words. */
  spendPass(length: number): void {
    this.spend(1 + Math.floor(length / charactersPerStep));
  }

  /** Releases the values of the record, and gives the next evaluation all steps. */
  reset(): void {
    for (let slot = 0; slot < this.slots.length; slot += 1) this.slots[slot] = null;
    taken += maxSteps - this.#left;
    this.#left = maxSteps;
  }
}

/** The error with its offset. An error that has an offset keeps it. */
export function located(thrown: unknown, offset: number): unknown {
  if (thrown instanceof ExpressionError) thrown.offset ??= offset;
  return thrown;
}

/** Returns an error that may be ignored. Throws any other error. */
export function ignorable(thrown: unknown): ExpressionError {
  if (thrown instanceof ExpressionError && !thrown.fatal) return thrown;
  throw thrown;
}
