import { type CallContext, InnerContext } from '../../core/call/call-context.ts';

/** The context of a record for one of the calls of a step that repeats. */
export class Superstep extends InnerContext {
  readonly #number: number;

  constructor(record: CallContext, superstep: number) {
    super(record);
    this.#number = superstep;
  }

  override get superstep(): number {
    return this.#number;
  }
}
