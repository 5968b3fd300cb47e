import type { CallContext } from '../../core/call/call-context.ts';
import { bothGates, type Gate } from '../../core/call/gate.ts';
import { later, type Later } from '../../core/call/receiver.ts';
import { RecordError } from '../../core/errors.ts';
import type { BreakerStateName, LayerGauges, LookupObserver } from '../../core/observer/observer.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Clock } from '../../core/time/time.ts';
import type { Layer, LayerEntry } from '../lookup.ts';
import { beginOf, serviceOf } from '../service.ts';
import type { BreakerOptions } from './breaker-options.ts';
import {
  admissionOf,
  afterCall,
  afterProbe,
  type BreakerRules,
  type BreakerState,
  closed,
  stateAt,
  type Verdict,
  whileProbing,
} from './breaker-state.ts';
import { CallWindow } from './call-window.ts';
import { CountedCall, type CallCounter } from './counted-call.ts';
import { verdictOf } from './verdict.ts';

export interface BreakerDeps {
  readonly lookup: string;
  readonly clock: Clock;
  readonly observer: Pick<LookupObserver, 'called'>;
}

/**
 * The layer `breaker` of a lookup: while most calls fail, it makes none, but for one probe at a time.
 *
 *     breaker: { failureRatio: 0.5, minimum: 20, window: 10s, open: 5s, whenOpen: fail }
 *
 *     const breaker = new Breaker<Arguments, Answer>(options, { lookup, clock, observer });
 *     const service = stack(connector.call, new Limit(breaker.gate(connector.gate)).layer, breaker.layer);
 *
 * It stands below the limit, so it times a call without its wait, and refuses a call also if the breaker has opened
 * during that wait. Above it, the limit waits for `gate`: with `wait` the gate is closed while the breaker is open; with
 * `fail` it lets every call through to be refused, although no connection may be free, also those that wait.
 *
 * Calls that began before the state last changed change nothing. At most one timer, and only with `wait`.
 */
export class Breaker<Req, Res> implements LayerEntry<Req, Res>, CallCounter<Res> {
  readonly name = 'breaker';
  readonly #options: BreakerOptions;
  readonly #rules: BreakerRules;
  readonly #deps: BreakerDeps;
  readonly #window: CallWindow;
  #state: BreakerState = closed;
  /** Grows with each change of the state. */
  #period = 0;
  #opened = 0;
  #hook: (() => void) | undefined = undefined;
  #hookScheduled = false;
  #stopTimer: (() => void) | undefined = undefined;

  constructor(options: BreakerOptions, deps: BreakerDeps) {
    this.#options = options;
    this.#rules = { failureRatio: options.failureRatio, minimum: options.minimum, openMs: options.open };
    this.#deps = deps;
    this.#window = new CallWindow(options.window);
  }

  readonly layer: Layer<Req, Res> = (inner) => {
    const begin = beginOf(inner);
    return serviceOf((request, context, receiver, nowMs) => {
      const now = nowMs ?? this.#deps.clock.now();
      if (this.#state !== closed) this.#admit(now, context);
      const call = new CountedCall(this, receiver, context, this.#period, now);
      let answer: Res | Later;
      try {
        answer = begin(request, context, call, now);
      } catch (error) {
        this.callEnded(call, RecordError.from(error));
        throw error;
      }
      if (answer !== later) this.callEnded(call, undefined);
      return answer;
    });
  };

  /** Throws if the call is refused. */
  #admit(now: number, context: CallContext): void {
    const state = this.#at(now);
    const admission = admissionOf(state);
    if (admission === 'refuse') {
      context.callRefused();
      throw this.#refusal(state, now);
    }
    if (admission === 'probe') this.#move(whileProbing(state));
  }

  gate(inner: Gate | undefined): Gate | undefined {
    if (this.#options.whenOpen === 'wait') return inner === undefined ? this : bothGates(this, inner);
    return inner === undefined ? undefined : this.#refusing(inner);
  }

  /** Whether a call that is made now is not refused. */
  get open(): boolean {
    return admissionOf(this.#now()) !== 'refuse';
  }

  waitMs(): number {
    const state = this.#now();
    return state.name === 'open' ? Math.max(0, state.untilMs - this.#deps.clock.now()) : 0;
  }

  /** One hook is kept: a later one replaces it. */
  whenOpen(hook: () => void): void {
    this.#hook = hook;
    this.#waitForProbe();
  }

  gauges(): LayerGauges {
    const { name } = this.#now();
    const is = (one: BreakerStateName): number => (name === one ? 1 : 0);
    return {
      totals: { opened: this.#opened },
      now: { closed: is('closed'), open: is('open'), half_open: is('half_open') },
      ...(name === 'open' && { latest: { openMs: Math.ceil(this.waitMs()) } }),
    };
  }

  close(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#hook = undefined;
  }

  /** Open also while calls are refused, so that those that wait in the limit are refused at once. */
  #refusing(inner: Gate): Gate {
    const refuses = (): boolean => admissionOf(this.#now()) === 'refuse';
    return {
      get open() {
        return inner.open || refuses();
      },
      whenOpen: (hook) => {
        this.#hook = hook;
        inner.whenOpen(hook);
      },
      waitMs: (calls) => Math.max(this.waitMs(), inner.waitMs?.(calls) ?? 0),
    };
  }

  #at(nowMs: number): BreakerState {
    return (this.#state = stateAt(this.#state, nowMs));
  }

  #now(): BreakerState {
    return this.#state === closed ? closed : this.#at(this.#deps.clock.now());
  }

  callEnded(
    { period, begunMs, context: { cancelled } }: CountedCall<Res>,
    failure: RecordError | undefined,
    now = this.#deps.clock.now(),
  ): void {
    if (period !== this.#period) return;
    const ms = now - begunMs;
    const { slowerThan } = this.#options;
    // Most calls: an answer in time.
    const isGood = failure === undefined && !cancelled && (slowerThan === undefined || ms <= slowerThan);
    const verdict: Verdict = isGood ? 'good' : verdictOf({ failure, ms, givenUp: cancelled }, slowerThan);
    if (this.#state !== closed) return this.#move(afterProbe(this.#state, verdict, now, this.#rules));
    if (verdict === 'nothing') return;
    const state = afterCall(this.#window.add(now, verdict === 'bad'), now, this.#rules);
    if (state !== closed) this.#move(state);
  }

  #move(state: BreakerState): void {
    this.#state = state;
    this.#period++;
    if (state === closed) this.#window.clear();
    if (state.name === 'open') this.#opened++;
    const wait = this.#options.whenOpen === 'wait';
    if (wait && state.name === 'open') return this.#waitForProbe();
    if (wait === (admissionOf(state) !== 'refuse')) this.#callHook();
  }

  /**
   * Sets the timer for the end of the open time, if a call waits for it. The open time may have ended since the gate was
   * read.
   */
  #waitForProbe(): void {
    const state = this.#now();
    if (admissionOf(state) !== 'refuse') return this.#callHook();
    if (state.name !== 'open' || this.#hook === undefined || this.#stopTimer !== undefined) return;
    const { clock } = this.#deps;
    this.#stopTimer = clock.setTimer(Math.ceil(state.untilMs - clock.now()), () => {
      this.#stopTimer = undefined;
      this.#callHook();
    });
  }

  /** In a later turn: no call is made while an answer, or a request of a client, is read. */
  #callHook(): void {
    if (this.#hook === undefined || this.#hookScheduled) return;
    this.#hookScheduled = true;
    inLaterTurn(() => {
      this.#hookScheduled = false;
      const hook = this.#hook;
      this.#hook = undefined;
      hook?.();
    });
  }

  #refusal(state: BreakerState, nowMs: number): RecordError {
    const { lookup, observer } = this.#deps;
    observer.called('refused', 0);
    if (state.name !== 'open') {
      return new RecordError('breaker_open', 'the breaker is half open: a call that tries the lookup is under way', {
        lookup,
        attempts: 0,
      });
    }
    const { calls, failures } = state.counts;
    const retryAfterMs = Math.max(1, Math.ceil(state.untilMs - nowMs));
    // The same text until the breaker closes: equal errors take one place in the list of the last ones.
    const seconds = this.#rules.openMs / 1000;
    const message = `the breaker is open, because ${failures} of ${calls} calls failed or were slow; the lookup is tried again every ${seconds} s`;
    return new RecordError('breaker_open', message, { lookup, attempts: 0, retryAfterMs });
  }
}
