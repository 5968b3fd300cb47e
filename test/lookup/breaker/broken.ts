import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { bothGates, type Gate } from '../../../src/core/call/gate.ts';
import { RecordError } from '../../../src/core/errors.ts';
import type { CallOutcome } from '../../../src/core/observer/observer.ts';
import { inLaterTurn } from '../../../src/core/time/later-turn.ts';
import { type VirtualClock, virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { Breaker } from '../../../src/lookup/breaker/breaker.ts';
import { type BreakerOptions, breakerOptions } from '../../../src/lookup/breaker/breaker-options.ts';
import { Limit } from '../../../src/lookup/limit/limit.ts';
import { stack } from '../../../src/lookup/lookup.ts';

export type Outcome = 'ok' | RecordError;

/** Connections of which the test decides how many there are. */
class Places implements Gate {
  free: number;
  #hook: (() => void) | undefined = undefined;

  constructor(free: number) {
    this.free = free;
  }

  get open(): boolean {
    return this.free > 0;
  }

  whenOpen(hook: () => void): void {
    this.#hook = hook;
    if (this.open) inLaterTurn(() => this.#callHook());
  }

  giveBack(): void {
    this.free++;
    this.#callHook();
  }

  #callHook(): void {
    const hook = this.#hook;
    this.#hook = undefined;
    hook?.();
  }
}

/** A lookup with a breaker and some connections, whose other end the test holds. */
export class Broken {
  readonly clock: VirtualClock;
  readonly breaker: Breaker<string, string>;
  readonly limit: Limit<string, string>;
  /** Calls that were made, in order. */
  readonly made: string[] = [];
  readonly refused: CallOutcome[] = [];
  readonly #places: Places;
  readonly #held = new Map<string, (outcome: Outcome) => void>();
  readonly #service: (request: string, context: Cancellation) => string | Promise<string>;

  constructor(
    options: Partial<Record<keyof BreakerOptions, unknown>> = {},
    connections = 1000,
    clock = virtualClock(),
  ) {
    this.clock = clock;
    this.breaker = new Breaker<string, string>(breakerOptions.parse(options), {
      lookup: 'airport',
      clock,
      observer: { called: (outcome) => void this.refused.push(outcome) },
    });
    this.#places = new Places(connections);
    this.limit = new Limit<string, string>(this.breaker.gate(this.#places) ?? bothGates(this.#places, this.#places));
    this.#service = stack<string, string>(
      (request, context) => this.#call(request, context as Cancellation),
      this.limit.layer,
      this.breaker.layer,
    );
  }

  get state(): string {
    const { now = {} } = this.breaker.gauges();
    return Object.entries(now)
      .filter(([, is]) => is === 1)
      .map(([name]) => name)
      .join();
  }

  /** The answer, or the error. */
  async ask(request: string, context = new Cancellation()): Promise<string | RecordError> {
    try {
      return await this.#service(request, context);
    } catch (error) {
      return RecordError.from(error);
    }
  }

  /** Answers a call that was made. */
  async answer(request: string, outcome: Outcome): Promise<void> {
    const settle = this.#held.get(request);
    if (settle === undefined) throw new Error(`no call for ${request}`);
    this.#held.delete(request);
    settle(outcome);
    await this.clock.advance(0);
  }

  /** Makes calls one after the other, all with this outcome. */
  async calls(count: number, outcome: Outcome): Promise<void> {
    for (let n = 0; n < count; n++) {
      const request = `call ${this.made.length}`;
      const answer = this.ask(request);
      // oxlint-disable-next-line no-await-in-loop
      await this.answer(request, outcome);
      // oxlint-disable-next-line no-await-in-loop
      await answer;
    }
  }

  #call(request: string, context: Cancellation): Promise<string> {
    if (!this.#places.open) throw new Error('a call was made without a connection');
    this.#places.free--;
    this.made.push(request);
    return new Promise<string>((resolve, reject) => {
      const settle = (outcome: Outcome): void => {
        if (outcome === 'ok') resolve(request.toUpperCase());
        else reject(outcome);
        // As a pool does: in a later turn than the answer.
        inLaterTurn(() => this.#places.giveBack());
      };
      this.#held.set(request, settle);
      context.onCancel((reason) => {
        if (this.#held.delete(request)) settle(RecordError.from(reason));
      });
    });
  }
}

export const down = new RecordError('bad_status', 'the other system is down', { status: 503 });
