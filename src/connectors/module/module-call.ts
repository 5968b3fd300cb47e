import type { CallContext } from '../../core/call/call-context.ts';
import { RecordError } from '../../core/errors.ts';
import type { CallOutcome } from '../../core/observer/observer.ts';
import { Answer } from '../../lookup/lookup.ts';
import { cancellation, outcomeOf } from '../call-outcome.ts';
import type { ModuleCallee, ModuleInput, ModuleResult } from './module-function.ts';
import { ResultWriter } from './result-source.ts';

const miss = new Answer(undefined);

/**
 * One call of a user's function. Its first completion wins, and a cancellation is one; later ones are ignored.
 *
 * A completion during the call of the function is returned at once, without a promise.
 */
export class ModuleCall implements ModuleResult {
  readonly #lookup: string;
  readonly #maxBytes: number;
  readonly #ended: (outcome: CallOutcome) => void;
  #outcome: Answer | RecordError | undefined = undefined;
  #resolve: ((answer: Answer) => void) | undefined = undefined;
  #reject: ((error: RecordError) => void) | undefined = undefined;
  #forget: (() => void) | undefined = undefined;

  constructor(lookup: string, maxBytes: number, ended: (outcome: CallOutcome) => void) {
    this.#lookup = lookup;
    this.#maxBytes = maxBytes;
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
      this.#end(answerOf(values, this.#maxBytes));
    } catch (error) {
      this.completeExceptionally(error);
    }
  }

  completeExceptionally(error: unknown): void {
    this.#end(RecordError.from(error).with({ lookup: this.#lookup }));
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

/**
 * No value is a miss, one value is the answer, several values are an array. Throws RecordError `invalid_result` or
 * `response_too_large`, and every error that the iterator throws.
 */
function answerOf(values: unknown, maxBytes: number): Answer {
  if (!isCollection(values)) throw noCollection(values);
  const writer = new ResultWriter(maxBytes);
  const sources: string[] = [];
  for (const value of values) sources.push(writer.write(value));
  const [first] = sources;
  if (first === undefined) return miss;
  return new Answer(sources.length === 1 ? first : `[${sources.join(',')}]`);
}

function isCollection(values: unknown): values is Iterable<unknown> {
  return typeof values === 'object' && values !== null && Symbol.iterator in values;
}

function noCollection(values: unknown): RecordError {
  const kind = typeof values === 'object' ? 'an object' : `a ${typeof values}`;
  const found = values === null || values === undefined ? String(values) : kind;
  return new RecordError(
    'invalid_result',
    `the function gave ${found}; a result is a collection: [] for a miss, [value] for one answer`,
  );
}
