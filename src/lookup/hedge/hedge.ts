import type { CallContext, CancelListener } from '../../core/call/call-context.ts';
import { Cancellation } from '../../core/call/cancellation.ts';
import { cancelledError } from '../../core/call/cancelled.ts';
import { later, type Later, type Receiver } from '../../core/call/receiver.ts';
import { RecordError } from '../../core/errors.ts';
import type { LayerGauges } from '../../core/observer/observer.ts';
import { Deadlines, type Timed } from '../../core/time/deadlines.ts';
import type { Clock } from '../../core/time/time.ts';
import type { Layer, LayerEntry } from '../lookup.ts';
import type { RetryBudget } from '../retry/budget.ts';
import { type Begin, beginOf, serviceOf } from '../service.ts';
import type { HedgeOptions } from './hedge-options.ts';
import { RunningP95 } from './running-p95.ts';

export interface HedgeDeps {
  readonly clock: Clock;
  /** Shared with `retry`: hedges and retries together stay within it. */
  readonly budget: RetryBudget;
  /** Whether this layer counts the first calls for the budget, because there is no `retry` that does. */
  readonly countsCalls: boolean;
}

/**
 * The layer `hedge`: makes a second call if the first one takes long. The first answer is used, and the other calls are
 * cancelled.
 *
 *     hedge: { after: p95 }
 *
 *     call 1 ── begins ─────────────────────────────── cancelled
 *                  └── after ── call 2 ── answer ─────────┘
 *
 * `after` counts from the moment at which the call begins, so a wait at a limit causes no hedge. A hedge does not wait at
 * a limit: it is not made if it would have to. A failure of one call is ignored while another one runs; if all fail, the
 * first failure of a call that was made is that of the attempt.
 */
export class Hedge<Req, Res> implements LayerEntry<Req, Res> {
  readonly name = 'hedge';
  readonly #shared: HedgeShared<Req, Res>;

  constructor(options: HedgeOptions, deps: HedgeDeps) {
    const deadlines = new Deadlines<HedgedCall<Req, Res>>(deps.clock, (call) => call.hedge());
    this.#shared = { options, deps, deadlines, p95: new RunningP95(), made: 0, won: 0 };
  }

  readonly layer: Layer<Req, Res> = (inner) => {
    const { deps } = this.#shared;
    const begin = beginOf(inner);
    return serviceOf((request, context, receiver, nowMs) => {
      if (deps.countsCalls) deps.budget.called(nowMs);
      return new HedgedCall(this.#shared, begin, request, context, receiver).run(nowMs);
    });
  };

  gauges(): LayerGauges {
    const { made, won, p95 } = this.#shared;
    return { totals: { made, won }, ...(p95.value !== undefined && { latest: { p95Ms: p95.value } }) };
  }

  close(): void {
    this.#shared.deadlines.clear();
  }
}

interface HedgeShared<Req, Res> {
  readonly options: HedgeOptions;
  readonly deps: HedgeDeps;
  readonly deadlines: Deadlines<HedgedCall<Req, Res>>;
  readonly p95: RunningP95;
  made: number;
  won: number;
}

/**
 * The first call and its hedges. It is the context of the first call and the receiver of its outcome, because most calls
 * have no hedge, and its own link in the list of deadlines.
 */
class HedgedCall<Req, Res> extends Cancellation implements CancelListener, Receiver<Res>, Timed<HedgedCall<Req, Res>> {
  due = 0;
  armed = false;
  sooner: HedgedCall<Req, Res> | undefined = undefined;
  later: HedgedCall<Req, Res> | undefined = undefined;
  readonly #shared: HedgeShared<Req, Res>;
  readonly #inner: Begin<Req, Res>;
  readonly #request: Req;
  readonly #receiver: Receiver<Res>;
  #firstRuns = true;
  /** Those that run. */
  #hedges: Set<HedgeCall<Res>> | undefined = undefined;
  #made = 0;
  /** The time while the first call is made. */
  #nowMs: number | undefined = undefined;
  #startedMs = 0;
  #waits = false;
  #settled = false;
  #failure: unknown = undefined;

  constructor(
    shared: HedgeShared<Req, Res>,
    inner: Begin<Req, Res>,
    request: Req,
    context: CallContext,
    receiver: Receiver<Res>,
  ) {
    super(Infinity, context.attempt, context);
    this.#shared = shared;
    this.#inner = inner;
    this.#request = request;
    this.#receiver = receiver;
  }

  override get deadline(): number {
    return this.caller.deadline;
  }

  /** The first call begins. */
  override callBegins(): void {
    super.callBegins();
    this.#startedMs = this.#nowMs ?? this.#shared.deps.clock.now();
    this.#arm(this.#startedMs);
  }

  run(nowMs: number | undefined): Res | Later {
    this.#nowMs = nowMs;
    let answer: Res | Later;
    try {
      answer = this.#inner(this.#request, this, this, nowMs);
    } catch (error) {
      this.#end();
      throw error;
    }
    this.#nowMs = undefined;
    if (answer !== later) this.#end();
    else if (!this.#settled) {
      this.#waits = true;
      this.caller.addCancelListener(this);
    }
    return answer;
  }

  /** The time is over: makes one more call, if the budget and the limits below have room for it. */
  hedge(): void {
    const { deps, options } = this.#shared;
    if (this.#settled || !this.#waits || !deps.budget.permit()) return;
    const call = new HedgeCall<Res>(this.caller, this);
    this.#made++;
    (this.#hedges ??= new Set()).add(call);
    let answer: Res | Later = later;
    try {
      answer = this.#inner(this.#request, call, call);
    } catch {
      // A hedge that cannot be made changes nothing: the first call goes on.
      this.#over(call);
    }
    if (answer !== later) this.callAnswered(call, answer);
    if (this.#made < options.max) this.#arm(deps.clock.now());
  }

  /** The first call has an answer. */
  answered(answer: Res, nowMs?: number): void {
    this.callAnswered(undefined, answer, nowMs);
  }

  /** The first call has failed. */
  failed(error: unknown): void {
    this.callFailed(undefined, error);
  }

  /** The record leaves. */
  callCancelled(reason: unknown): void {
    if (this.#settled) return;
    this.#end();
    this.#cancelRunning(reason);
    this.#receiver.failed(cancelledError(reason));
  }

  #arm(now: number): void {
    const { options, p95, deadlines } = this.#shared;
    const ms = options.after === 'p95' ? p95.value : options.after;
    if (ms === undefined || this.#settled) return;
    deadlines.arm(this, now + ms);
  }

  /** For its calls; `hedge` is undefined for the first one. */
  callAnswered(hedge: HedgeCall<Res> | undefined, answer: Res, nowMs = this.#shared.deps.clock.now()): void {
    this.#over(hedge);
    if (this.#settled) return;
    const { p95 } = this.#shared;
    if (hedge !== undefined) this.#shared.won++;
    // If a hedge was first, the call took longer than this: it counts among the slow ones.
    p95.add(nowMs - this.#startedMs);
    this.#end();
    if (this.#runs) {
      // Made only if a call needs it: an error costs a microsecond.
      this.#cancelRunning(new RecordError('cancelled', 'another call for the same record was answered first'));
    }
    this.#receiver.answered(answer, nowMs);
  }

  /** For its calls, like `callAnswered`. */
  callFailed(hedge: HedgeCall<Res> | undefined, error: unknown): void {
    const made = this.#over(hedge);
    if (this.#settled) return;
    // A hedge that was not made says nothing.
    if (made) this.#failure ??= error;
    if (this.#runs) return;
    this.#end();
    this.#receiver.failed(this.#failure);
  }

  /** Whether a call runs. */
  get #runs(): boolean {
    return this.#firstRuns || (this.#hedges !== undefined && this.#hedges.size > 0);
  }

  /** A call has ended. Returns whether it was made: a hedge that was not costs no budget, and is not counted. */
  #over(hedge: HedgeCall<Res> | undefined): boolean {
    if (hedge === undefined) {
      this.#firstRuns = false;
      return true;
    }
    this.#hedges?.delete(hedge);
    const { made } = hedge;
    if (made) this.#shared.made++;
    else this.#shared.deps.budget.giveBack();
    return made;
  }

  #cancelRunning(reason: unknown): void {
    if (this.#firstRuns) this.cancel(reason);
    if (this.#hedges !== undefined) for (const hedge of this.#hedges) hedge.cancel(reason);
  }

  #end(): void {
    this.#settled = true;
    const { deadlines } = this.#shared;
    deadlines.disarm(this);
    deadlines.stopIdleTimer();
    this.caller.removeCancelListener(this);
  }
}

/** What a hedge reports its outcome to. */
interface HedgeOwner<Res> {
  callAnswered(hedge: HedgeCall<Res>, answer: Res, nowMs?: number): void;
  callFailed(hedge: HedgeCall<Res>, error: unknown): void;
}

/**
 * The context of a hedge, and the receiver of its outcome. It is cancelled by itself when another call was answered
 * first, and does not wait at a limit.
 */
class HedgeCall<Res> extends Cancellation implements Receiver<Res> {
  /** Whether the call was made: it did not have to wait, and was not refused. */
  made = false;
  readonly #owner: HedgeOwner<Res>;

  constructor(caller: CallContext, owner: HedgeOwner<Res>) {
    super(Infinity, caller.attempt, caller);
    this.#owner = owner;
  }

  override get deadline(): number {
    return this.caller.deadline;
  }

  override get mayWait(): boolean {
    return false;
  }

  override callBegins(): void {
    this.made = true;
  }

  override callRefused(): void {
    this.made = false;
  }

  answered(answer: Res, nowMs?: number): void {
    this.#owner.callAnswered(this, answer, nowMs);
  }

  failed(error: unknown): void {
    this.#owner.callFailed(this, error);
  }
}
