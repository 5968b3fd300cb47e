import type { CallContext } from '../../core/call/call-context.ts';
import { RecordError } from '../../core/errors.ts';
import type { CallOutcome } from '../../core/observer/observer.ts';
import { Answer } from '../../lookup/lookup.ts';
import { CallResult } from '../../operator/call-result.ts';
import { cancellation, outcomeOf } from '../call-outcome.ts';
import type { ModuleCallee, ModuleInput } from './module-function.ts';
import { ResultWriter } from './result-writer.ts';

const miss = new Answer(undefined);

/** One call of a user's function. Its first completion, or a cancellation, wins; later completions are ignored. */
export class ModuleCall extends CallResult<unknown, Answer> {
  readonly #lookup: string;
  readonly #maxBytes: number;
  readonly #onEnd: (outcome: CallOutcome) => void;
  #removeCancelHook: (() => void) | undefined = undefined;

  constructor(lookup: string, maxBytes: number, onEnd: (outcome: CallOutcome) => void) {
    super();
    this.#lookup = lookup;
    this.#maxBytes = maxBytes;
    this.#onEnd = onEnd;
  }

  /** Called once. Throws or rejects RecordError. */
  call(invoke: ModuleCallee, input: ModuleInput, context: CallContext): Answer | Promise<Answer> {
    const answer = this.run((result) => invoke(input, result, context));
    if (!(answer instanceof Promise)) return answer;
    this.#removeCancelHook = context.onCancel((reason) =>
      this.completeExceptionally(cancellation(this.#lookup, reason)),
    );
    return answer;
  }

  protected override answerOf(values: Iterable<unknown>): Answer {
    return answerOf(values, this.#maxBytes);
  }

  protected override errorOf(error: unknown): RecordError {
    return RecordError.from(error).with({ lookup: this.#lookup });
  }

  protected override ended(answer: Answer | undefined, error: unknown): void {
    this.#removeCancelHook?.();
    if (answer === undefined) this.#onEnd(outcomeOf(RecordError.from(error)));
    else this.#onEnd(answer.json === undefined ? 'miss' : 'ok');
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
