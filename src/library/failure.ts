import { RecordError } from '../core/errors.ts';

/** The outcome of a record that could not be computed, or the end of an iteration that failed. */
export class Failure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }

  /** What the reader is thrown. */
  thrown(): unknown {
    return this.error;
  }
}

/** The failure of one record of the source. */
export class RecordFailure<In> extends Failure {
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
 * Ends an iteration: the function, its timeout hook, the retry strategy, the key or `onError` failed for one record.
 *
 * `cause` is what was thrown, and `message` its message; `code` is `timeout` or `invalid_result` if the library found
 * the record to have failed, otherwise `function_error`.
 *
 *     try { for await (const row of rows) … }
 *     catch (error) { if (error instanceof RecordFailedError) console.error(error.seq, error.input, error.cause); }
 */
export class RecordFailedError<In = unknown> extends RecordError {
  /** The element of the source, as the function was called with it. */
  readonly input: In;
  /** Its index in the source, watermarks counted; the same as in a checkpoint. */
  readonly seq: number;

  constructor(error: unknown, input: In, seq: number) {
    const { code, message, details } = RecordError.from(error);
    super(code, message, { ...details, cause: error });
    // It is made once in an iteration, and thrown to a reader who looks for the place.
    Error.captureStackTrace(this, RecordFailedError);
    this.input = input;
    this.seq = seq;
  }
}
