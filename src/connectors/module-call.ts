import type { CallContext } from '../core/call-context.ts';
import { RecordError } from '../core/errors.ts';
import type { CallOutcome } from '../core/observer.ts';
import { Answer } from '../lookup/lookup.ts';
import { cancellation, outcomeOf } from './http-failure.ts';
import type { ModuleCallee, ModuleInput, ModuleResult } from './module-function.ts';

const miss = new Answer(undefined);

/**
 * One call of a user's function. Its first completion wins, and a cancellation is one; later ones are ignored.
 *
 * A completion that comes while the function is being called is given at once, without a promise.
 */
export class ModuleCall implements ModuleResult {
  readonly #lookup: string;
  readonly #ended: (outcome: CallOutcome) => void;
  #outcome: Answer | RecordError | undefined = undefined;
  #resolve: ((answer: Answer) => void) | undefined = undefined;
  #reject: ((error: RecordError) => void) | undefined = undefined;
  #forget: (() => void) | undefined = undefined;

  constructor(lookup: string, ended: (outcome: CallOutcome) => void) {
    this.#lookup = lookup;
    this.#ended = ended;
  }

  /** Called once. Throws or rejects RecordError. */
  run(invoke: ModuleCallee, input: ModuleInput, context: CallContext): Answer | Promise<Answer> {
    try {
      invoke(input, this, context);
    } catch (error) {
      this.completeExceptionally(error);
    }
    const outcome = this.#outcome;
    if (outcome instanceof RecordError) throw outcome;
    if (outcome !== undefined) return outcome;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#forget = context.onCancel((reason) => this.#end(cancellation(this.#lookup, reason)));
    });
  }

  complete(values: Iterable<unknown> | (() => Iterable<unknown>)): void {
    if (this.#outcome !== undefined) return;
    if (typeof values !== 'function') return this.settle(values);
    let supplied: Iterable<unknown>;
    try {
      supplied = values();
    } catch (error) {
      return this.completeExceptionally(error);
    }
    this.settle(supplied);
  }

  settle(values: unknown): void {
    if (this.#outcome !== undefined) return;
    try {
      this.#end(answerOf(values));
    } catch (error) {
      this.completeExceptionally(error);
    }
  }

  completeExceptionally(error: unknown): void {
    this.#end(RecordError.from(error).with({ lookup: this.#lookup }));
  }

  timeOut(): void {
    this.completeExceptionally(new RecordError('timeout', 'the time ran out before the function had a result'));
  }

  #end(outcome: Answer | RecordError): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#forget?.();
    if (outcome instanceof RecordError) {
      this.#ended(outcomeOf(outcome));
      this.#reject?.(outcome);
    } else {
      this.#ended(outcome.json === undefined ? 'miss' : 'ok');
      this.#resolve?.(outcome);
    }
  }
}

/** No value is a miss, one is the answer, several are an array of them. Throws RecordError `invalid_result`. */
function answerOf(values: unknown): Answer {
  if (!isCollection(values)) throw invalid(`the function gave ${kindOf(values)}`);
  const sources = Array.from(values, jsonSource);
  const [first] = sources;
  if (first === undefined) return miss;
  return new Answer(sources.length === 1 ? first : `[${sources.join(',')}]`);
}

function isCollection(values: unknown): values is Iterable<unknown> {
  return typeof values === 'object' && values !== null && Symbol.iterator in values;
}

function jsonSource(value: unknown): string {
  let source: string | undefined;
  try {
    source = JSON.stringify(value);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RecordError('invalid_result', `the function gave a value that is no JSON: ${why}`, { cause });
  }
  if (source === undefined) throw invalid(`the function gave ${kindOf(value)} as a value, which is no JSON`);
  return source;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function invalid(what: string): RecordError {
  return new RecordError('invalid_result', `${what}; a result is a collection: [] for a miss, [value] for one answer`);
}
