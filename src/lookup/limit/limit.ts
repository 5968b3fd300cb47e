import type { CallContext } from '../../core/call/call-context.ts';
import { cancelledError } from '../../core/call/cancelled.ts';
import { RecordError } from '../../core/errors.ts';
import type { Gate } from '../../core/call/gate.ts';
import type { LayerGauges } from '../../core/observer/observer.ts';
import type { Layer, LayerEntry, Service } from '../lookup.ts';
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

  readonly layer: Layer<Req, Res> = (inner) => (request, context) => {
    if (this.#queue.size > 0 || !this.#gate.open) {
      if (!context.mayWait) throw new RecordError('cancelled', 'the call would have to wait for its turn');
      return this.#wait(inner, request, context);
    }
    context.callBegins();
    return inner(request, context);
  };

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

  #wait(inner: Service<Req, Res>, request: Req, context: CallContext): Promise<Res> {
    return new Promise((resolve, reject) => {
      const call = new WaitingCall(inner, request, context, resolve, reject);
      this.#queue.add(context.inputEnd, call);
      context.limitWaiting(1);
      call.removeCancelHook = context.onCancel((reason) => {
        this.#queue.remove(call);
        call.cancel(reason);
      });
      if (this.#queue.size === 1) this.#gate.whenOpen(this.#beginWaiting);
    });
  }
}

/** For a connector without a limit: every call begins without a wait. */
export function unlimited<Req, Res>(): Layer<Req, Res> {
  return (inner) => (request, context) => {
    context.callBegins();
    return inner(request, context);
  };
}

class WaitingCall<Req, Res> implements QueuedCall<WaitingCall<Req, Res>> {
  line: WaitingLine<WaitingCall<Req, Res>> | undefined = undefined;
  earlier: WaitingCall<Req, Res> | undefined = undefined;
  later: WaitingCall<Req, Res> | undefined = undefined;
  removeCancelHook: (() => void) | undefined = undefined;
  readonly #inner: Service<Req, Res>;
  readonly #request: Req;
  readonly #context: CallContext;
  readonly #resolve: (answer: Res | Promise<Res>) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    inner: Service<Req, Res>,
    request: Req,
    context: CallContext,
    resolve: (answer: Res | Promise<Res>) => void,
    reject: (error: unknown) => void,
  ) {
    this.#inner = inner;
    this.#request = request;
    this.#context = context;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Makes the call: its turn has come. */
  begin(): void {
    this.removeCancelHook?.();
    this.#context.limitWaiting(-1);
    this.#context.callBegins();
    try {
      this.#resolve(this.#inner(this.#request, this.#context));
    } catch (error) {
      this.#reject(error);
    }
  }

  /** Rejects the call: it was cancelled before its turn came. */
  cancel(reason: unknown): void {
    this.removeCancelHook?.();
    this.#context.limitWaiting(-1);
    this.#reject(cancelledError(reason, 'the call was cancelled before it began'));
  }
}
