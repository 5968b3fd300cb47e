import type { CallContext } from '../../core/call/call-context.ts';
import { cancelledError } from '../../core/call/cancelled.ts';
import { later, type Later, type Receiver } from '../../core/call/receiver.ts';
import { RecordError } from '../../core/errors.ts';
import type { Gate } from '../../core/call/gate.ts';
import type { LayerGauges } from '../../core/observer/observer.ts';
import type { Layer, LayerEntry } from '../lookup.ts';
import { type Begin, beginOf, promised, serviceOf } from '../service.ts';
import { type QueuedCall, type WaitingLine, LimitQueue } from './limit-queue.ts';

/**
 * The layer in which the calls of all streams wait for the connections they share (semantics C7). An overload is a wait,
 * never an error.
 *
 *     const limit = new Limit<Arguments, Answer>(connector.gate);
 *     const service = limit.layer(connector.call);
 *
 *     call ── no call waits, gate open ─────────────────────────▶ inner service
 *       └──▶ LimitQueue: a line for each stream ── gate opens ──▶ inner service, one stream after the other
 *
 * It stands above `timeout`, so the wait does not count against the time of the attempt. It reports to the context that a
 * call waits, and that a call begins, which starts the clock of its record.
 * A call that is cancelled while it waits rejects with the reason and leaves the queue in O(1).
 */
export class Limit<Req, Res> implements LayerEntry<Req, Res> {
  readonly name = 'limit';
  readonly #gate: Gate;
  readonly #queue = new LimitQueue<WaitingCall<Req, Res>>();
  readonly #beginWaiting = (): void => {
    while (this.#gate.open) {
      const call = this.#queue.take();
      if (call === undefined) return;
      call.begin();
    }
    if (this.#queue.size > 0) this.#gate.whenOpen(this.#beginWaiting);
  };

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** A call that need not wait is passed on as it is. */
  readonly layer: Layer<Req, Res> = (inner) => {
    const begin = beginOf(inner);
    const wait: Begin<Req, Res> = (request, context, receiver) => this.#wait(begin, request, context, receiver);
    const promise = promised(wait);
    return serviceOf<Req, Res>(
      (request, context, receiver, nowMs) =>
        this.#begins(context) ? begin(request, context, receiver, nowMs) : wait(request, context, receiver),
      (request, context) => (this.#begins(context) ? inner(request, context) : promise(request, context)),
    );
  };

  /** Whether the call begins now. Throws if it does not, and must not wait. */
  #begins(context: CallContext): boolean {
    if (this.#queue.size > 0 || !this.#gate.open) {
      if (!context.mayWait) throw new RecordError('cancelled', 'the call would have to wait for its turn');
      return false;
    }
    context.callBegins();
    return true;
  }

  /** A stream that comes now has its first turn after each of the waiting streams has had one. */
  turnMs(): number {
    return this.#gate.waitMs?.(this.#queue.streams + 1) ?? 0;
  }

  gauges(): LayerGauges {
    return { queued: this.waiting };
  }

  /** Every call that waits rejects with `cancelled`. */
  close(): void {
    for (let call = this.#queue.take(); call !== undefined; call = this.#queue.take()) {
      call.cancel(new RecordError('cancelled', 'the lookup is closed'));
    }
  }

  #wait(inner: Begin<Req, Res>, request: Req, context: CallContext, receiver: Receiver<Res>): Later {
    const call = new WaitingCall(inner, request, context, receiver);
    this.#queue.add(context.inputEnd, call);
    context.limitWaiting(1);
    call.removeCancelHook = context.onCancel((reason) => {
      this.#queue.remove(call);
      call.cancel(reason);
    });
    if (this.#queue.size === 1) this.#gate.whenOpen(this.#beginWaiting);
    return later;
  }
}

/** For a connector without a limit: every call begins without a wait. */
export function unlimited<Req, Res>(): Layer<Req, Res> {
  return (inner) => {
    const begin = beginOf(inner);
    return serviceOf<Req, Res>(
      (request, context, receiver, nowMs) => {
        context.callBegins();
        return begin(request, context, receiver, nowMs);
      },
      (request, context) => {
        context.callBegins();
        return inner(request, context);
      },
    );
  };
}

class WaitingCall<Req, Res> implements QueuedCall<WaitingCall<Req, Res>> {
  line: WaitingLine<WaitingCall<Req, Res>> | undefined = undefined;
  earlier: WaitingCall<Req, Res> | undefined = undefined;
  later: WaitingCall<Req, Res> | undefined = undefined;
  removeCancelHook: (() => void) | undefined = undefined;
  readonly #inner: Begin<Req, Res>;
  readonly #request: Req;
  readonly #context: CallContext;
  readonly #receiver: Receiver<Res>;

  constructor(inner: Begin<Req, Res>, request: Req, context: CallContext, receiver: Receiver<Res>) {
    this.#inner = inner;
    this.#request = request;
    this.#context = context;
    this.#receiver = receiver;
  }

  /** Makes the call: its turn has come. */
  begin(): void {
    this.removeCancelHook?.();
    this.#context.limitWaiting(-1);
    this.#context.callBegins();
    let answer: Res | Later;
    try {
      answer = this.#inner(this.#request, this.#context, this.#receiver);
    } catch (error) {
      return this.#receiver.failed(error);
    }
    if (answer !== later) this.#receiver.answered(answer);
  }

  /** Rejects the call: it was cancelled before its turn came. */
  cancel(reason: unknown): void {
    this.removeCancelHook?.();
    this.#context.limitWaiting(-1);
    this.#receiver.failed(cancelledError(reason, 'the call was cancelled before it began'));
  }
}
