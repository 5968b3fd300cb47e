import { RecordError } from '../core/errors.ts';

/** The outcome of a record that failed, or the end of an iteration that failed. */
export class Failure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }

  /** The value that is thrown to the reader. */
  thrown(): unknown {
    return this.error;
  }
}

/** The failure of one record of the source. */
export class ElementFailure<In> extends Failure {
  readonly #input: In;
  readonly #seq: number;

  constructor(error: unknown, input: In, seq: number) {
    super(error);
    this.#input = input;
    this.#seq = seq;
  }

  override thrown(): RecordFailedError<In> {
    return new RecordFailedError(this.error, this.#input, this.#seq);
  }
}

/**
 * The error that ends an iteration because of one record: the function, its timeout hook, the retry strategy, the key or
 * `onError` failed for it.
 *
 * `cause` is the value that was thrown, and `message` its message. `code` is `timeout` or `invalid_result` if the library
 * detected the failure, and `function_error` if the function threw.
 *
 *     try { for await (const row of rows) … }
 *     catch (error) { if (error instanceof RecordFailedError) console.error(error.seq, error.input, error.cause); }
 */
export class RecordFailedError<In = unknown> extends RecordError {
  /** The element of the source, as the function was called with it. */
  readonly input: In;
  /** The index of the element in the source, watermarks counted; the same number as in a checkpoint. */
  readonly seq: number;

  constructor(error: unknown, input: In, seq: number) {
    const { code, message, details } = RecordError.from(error);
    super(code, message, { ...details, cause: error });
    // A RecordError has no stack. This one is made once in an iteration, and its reader needs the place.
    Error.captureStackTrace(this, RecordFailedError);
    this.input = input;
    this.seq = seq;
  }
}
