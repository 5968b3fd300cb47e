/**
 * A barrier in a stream: no record passes it in either direction, and it comes out as the same object.
 *
 * It takes a slot like a record (semantics C3). The value is the caller's; the operator never looks at it.
 */
export class Watermark<Value = unknown> {
  readonly value: Value;

  constructor(value: Value) {
    this.value = value;
  }
}
