import type { CallContext } from '../../core/call/call-context.ts';
import type { Receiver } from '../../core/call/receiver.ts';
import { RecordError } from '../../core/errors.ts';

export interface CallCounter<Res> {
  /** Called once for each call, before its caller has the outcome. `failure` is undefined if the call has an answer. */
  callEnded(call: CountedCall<Res>, failure: RecordError | undefined, nowMs?: number): void;
}

/** A call that a breaker has let through: its outcome is counted and passed on. */
export class CountedCall<Res> implements Receiver<Res> {
  readonly #counter: CallCounter<Res>;
  readonly #receiver: Receiver<Res>;
  readonly context: CallContext;
  /** Of the breaker, when the call began. */
  readonly period: number;
  /** Clock milliseconds. */
  readonly begunMs: number;

  constructor(
    counter: CallCounter<Res>,
    receiver: Receiver<Res>,
    context: CallContext,
    period: number,
    begunMs: number,
  ) {
    this.#counter = counter;
    this.#receiver = receiver;
    this.context = context;
    this.period = period;
    this.begunMs = begunMs;
  }

  answered(answer: Res, nowMs?: number): void {
    this.#counter.callEnded(this, undefined, nowMs);
    this.#receiver.answered(answer, nowMs);
  }

  failed(error: unknown): void {
    this.#counter.callEnded(this, RecordError.from(error));
    this.#receiver.failed(error);
  }
}
