import type { CallContext } from '../../core/call/call-context.ts';
import { RecordError } from '../../core/errors.ts';
import type { CallOutcome } from '../../core/observer/observer.ts';
import { Answer, type Reply } from '../../lookup/lookup.ts';
import { CallResult } from '../../operator/call-result.ts';
import { cancellation, outcomeOf } from '../call-outcome.ts';
import type { ModuleCallee } from './module-function.ts';
import { ResultWriter } from './result-writer.ts';

const miss = new Answer(undefined);

/** One call of a user's function. Its first completion, or a cancellation, wins; later completions are ignored. */
abstract class FunctionCall<Result> extends CallResult<unknown, Result> {
  protected readonly lookup: string;
  protected readonly maxBytes: number;
  readonly #onEnd: (outcome: CallOutcome) => void;
  #removeCancelHook: (() => void) | undefined = undefined;

  /** `maxBytes` bounds the result for one record. */
  constructor(lookup: string, maxBytes: number, onEnd: (outcome: CallOutcome) => void) {
    super();
    this.lookup = lookup;
    this.maxBytes = maxBytes;
    this.#onEnd = onEnd;
  }

  protected abstract outcomeOf(result: Result): CallOutcome;

  /** Called once. Throws or rejects RecordError. */
  call<Input>(invoke: ModuleCallee<Input>, input: Input, context: CallContext): Result | Promise<Result> {
    const answer = this.run((result) => invoke(input, result, context));
    if (!(answer instanceof Promise)) return answer;
    this.#removeCancelHook = context.onCancel((reason) =>
      this.completeExceptionally(cancellation(this.lookup, reason)),
    );
    return answer;
  }

  protected override errorOf(error: unknown): RecordError {
    return RecordError.from(error).with({ lookup: this.lookup });
  }

  protected override ended(result: Result | undefined, error: unknown): void {
    this.#removeCancelHook?.();
    this.#onEnd(result === undefined ? outcomeOf(RecordError.from(error)) : this.outcomeOf(result));
  }
}

/** A call for one record. */
export class ModuleCall extends FunctionCall<Answer> {
  protected override answerOf(values: Iterable<unknown>): Answer {
    return answerOf(values, this.maxBytes);
  }

  protected override outcomeOf({ json }: Answer): CallOutcome {
    return json === undefined ? 'miss' : 'ok';
  }
}

/** A call of `lookupMany`: its result has one result for each record, or an Error. */
export class ModuleManyCall extends FunctionCall<readonly Reply<Answer>[]> {
  readonly #requests: number;

  constructor(requests: number, ...call: ConstructorParameters<typeof ModuleCall>) {
    super(...call);
    this.#requests = requests;
  }

  protected override answerOf(results: unknown): readonly Reply<Answer>[] {
    if (!isCollection(results)) throw noCollection(results, 'with one result for each of the arguments');
    const replies: Reply<Answer>[] = [];
    for (const result of results) {
      // One more is enough to know that they are too many: a user's iterator may have no end.
      if (replies.length === this.#requests) throw wrongNumber('more', this.#requests);
      replies.push(this.#replyOf(result));
    }
    if (replies.length < this.#requests) throw wrongNumber(String(replies.length), this.#requests);
    return replies;
  }

  protected override outcomeOf(): CallOutcome {
    return 'ok';
  }

  #replyOf(result: unknown): Reply<Answer> {
    try {
      if (result instanceof Error) throw result;
      return answerOf(result, this.maxBytes);
    } catch (error) {
      return this.errorOf(error);
    }
  }
}

/**
 * No value is a miss, one value is the answer, several values are an array. Throws RecordError `invalid_result` or
 * `response_too_large`, and every error that the iterator throws.
 */
function answerOf(values: unknown, maxBytes: number): Answer {
  if (!isCollection(values)) throw noCollection(values, '[] for a miss, [value] for one answer');
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

function noCollection(values: unknown, expected: string): RecordError {
  const kind = typeof values === 'object' ? 'an object' : `a ${typeof values}`;
  const found = values === null || values === undefined ? String(values) : kind;
  return new RecordError('invalid_result', `the function gave ${found}; a result is a collection: ${expected}`);
}

function wrongNumber(results: string, requests: number): RecordError {
  const message = `lookupMany gave ${results} results for ${requests} arguments; expected one for each, in their order`;
  return new RecordError('invalid_result', message);
}
