import type { CallContext } from '../../src/core/call/call-context.ts';
import { RecordError } from '../../src/core/errors.ts';
import type { VirtualClock } from '../../src/core/time/virtual-clock.ts';
import type { Connector } from '../../src/connectors/connector.ts';
import { argumentsKey } from '../../src/lookup/arguments-key.ts';
import { Answer, type Arguments, type Reply } from '../../src/lookup/lookup.ts';
import type { SeededRandom } from './random.ts';

/** A call that the far end works on: for one key, or for those of a batch. */
export interface FarCall {
  readonly keys: readonly number[];
  readonly atMs: number;
}

/** What the far end has done; the round checks it. */
export interface FarEvents {
  begins(call: FarCall): void;
}

/** The key that a far end refuses with 422, in a batch and alone. */
const poisoned = 11;

/**
 * The other system of a simulated lookup: it answers late, misses, fails, refuses, throws or hangs, as the seed decides.
 * Each answer and each failure has a number of its own, so that the round knows when it was given, and for which key.
 */
export class FarEnd {
  /** The share of good calls. */
  health = 1;
  readonly underWay = new Set<FarCall>();
  /** By its text, when an answer or a failure was given, and for which key; undefined for a failure of a whole batch. */
  readonly given = new Map<string, { readonly key: number | undefined; readonly atMs: number }>();
  /** The times at which a key had no answer. */
  readonly misses = new Map<number, number[]>();
  readonly #random: SeededRandom;
  readonly #clock: VirtualClock;
  readonly #events: FarEvents;
  #number = 0;

  constructor(random: SeededRandom, clock: VirtualClock, events: FarEvents) {
    this.#random = random;
    this.#clock = clock;
    this.#events = events;
  }

  /** With `batches` it takes many keys in one call. */
  connector(batches: boolean): Connector {
    return {
      call: ({ key }, context) => this.#call([Number(key)], context, () => this.#answer(Number(key))),
      ...(batches && { callMany: (requests, context) => this.#many(requests, context) }),
      requestKey: argumentsKey,
      immediate: false,
      runsUserCode: false,
      largestAnswerBytes: 0,
      describe: () => ({}),
      reach: () => Promise.resolve('the far end'),
      open: async () => {},
      close: async () => {},
    };
  }

  #many(requests: readonly Arguments[], context: CallContext): Promise<readonly Reply<Answer>[]> {
    const keys = requests.map(({ key }) => Number(key));
    return this.#call(keys, context, () =>
      keys.map((key) => (this.#random.chance(0.03) ? this.#failure('bad_status', key, 503) : this.#answer(key))),
    );
  }

  #call<Res>(keys: readonly number[], context: CallContext, answer: () => Res): Promise<Res> {
    const call = { keys, atMs: this.#clock.now() };
    this.#events.begins(call);
    if (this.#random.chance(0.02)) throw this.#failure('unreachable', keys);
    this.underWay.add(call);
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        if (!this.underWay.delete(call)) return;
        stop();
        settle();
      };
      const good = this.#random.chance(this.health);
      const hangs = !good && this.#random.chance(0.3);
      const stop = hangs
        ? () => {}
        : this.#clock.setTimer(this.#random.between(1, 60), () =>
            end(() => {
              if (keys.includes(poisoned)) reject(this.#failure('bad_status', keys, 422));
              else if (good) resolve(answer());
              else reject(this.#failure(this.#random.pick(['unreachable', 'bad_status', 'function_error']), keys, 503));
            }),
          );
      context.onCancel((reason) => end(() => reject(RecordError.from(reason))));
    });
  }

  #answer(key: number): Answer {
    if (this.#random.chance(0.1)) {
      this.misses.set(key, [...(this.misses.get(key) ?? []), this.#clock.now()]);
      return new Answer(undefined);
    }
    const json = `"${key}:${this.#next()}${'x'.repeat(this.#random.between(0, 100))}"`;
    this.given.set(json, { key, atMs: this.#clock.now() });
    return new Answer(json);
  }

  #failure(code: 'unreachable' | 'bad_status' | 'function_error', about: number | readonly number[], status?: number) {
    const message = `failure ${this.#next()}`;
    const key = typeof about === 'number' ? about : about.length === 1 ? about[0] : undefined;
    this.given.set(message, { key, atMs: this.#clock.now() });
    return new RecordError(code, message, code === 'bad_status' && status !== undefined ? { status } : {});
  }

  #next(): number {
    return ++this.#number;
  }
}
