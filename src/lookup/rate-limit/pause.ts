import type { Gate } from '../../core/call/gate.ts';
import type { LayerGauges } from '../../core/observer/observer.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Clock } from '../../core/time/time.ts';

/**
 * Holds back all calls of a lookup for a time that its far end names (`429` with `Retry-After`).
 *
 *     429, Retry-After: 2 ──▶ closed ── 2 s, at most `maxMs` ──▶ open
 *
 * The end of a longer pause stays when a shorter one begins. At most one timer, and only during a pause.
 */
export class Pause implements Gate {
  readonly #clock: Clock;
  readonly #maxMs: number;
  #until = -Infinity;
  #stopTimer: (() => void) | undefined = undefined;
  #hook: (() => void) | undefined = undefined;
  #begun = 0;
  #closed = false;

  constructor(clock: Clock, maxMs: number) {
    this.#clock = clock;
    this.#maxMs = maxMs;
  }

  get open(): boolean {
    return this.#stopTimer === undefined;
  }

  /** One hook is kept: a later one replaces it. Another gate may have opened since both were read: then no pause lasts. */
  whenOpen(hook: () => void): void {
    this.#hook = hook;
    if (this.open) inLaterTurn(() => this.#callHook());
  }

  waitMs(): number {
    return this.open ? 0 : Math.max(0, this.#until - this.#clock.now());
  }

  /** Begins a pause of `ms` milliseconds, from now. */
  begin(ms: number): void {
    const lasts = Math.ceil(Math.min(ms, this.#maxMs));
    const until = this.#clock.now() + lasts;
    if (this.#closed || lasts <= 0 || until <= this.#until) return;
    this.#until = until;
    if (this.#stopTimer === undefined) this.#begun++;
    this.#stopTimer?.();
    this.#stopTimer = this.#clock.setTimer(lasts, () => this.#end());
  }

  gauges(): LayerGauges {
    const totals = { pauses: this.#begun };
    return this.open
      ? { totals, now: { paused: 0 } }
      : { totals, now: { paused: 1 }, latest: { pausedMs: Math.ceil(this.waitMs()) } };
  }

  /** Ends the pause, and lets no other begin. */
  close(): void {
    this.#closed = true;
    this.#stopTimer?.();
    this.#end();
  }

  #end(): void {
    this.#stopTimer = undefined;
    this.#callHook();
  }

  #callHook(): void {
    if (!this.open) return;
    const hook = this.#hook;
    this.#hook = undefined;
    hook?.();
  }
}
