/**
 * A barrier in a stream: no record passes it in either direction, and it comes out as the same object.
 *
 * It takes a slot like a record (semantics C3). The value is the caller's; the operator does not use it.
 *
 *     orderedWait([1, 2, new Watermark('end of batch'), 3], fn, { timeout: 1000 });
 */
export class Watermark<Value = unknown> {
  /** Private, so that no record that merely has a member `value` is a watermark to the type checker. */
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
  }

  get value(): Value {
    return this.#value;
  }

  static is(item: unknown): item is Watermark {
    return typeof item === 'object' && item !== null && #value in item;
  }
}
