import type { CallContext } from '../../src/core/call/call-context.ts';
import type { Fn } from '../../src/operator/async-function.ts';
import type { AsyncContext, AsyncFn, AsyncFunction, ResultFuture } from '../../src/operator/async-function.ts';
import type { Input, Model } from './model.ts';
import type { Plan } from './plan.ts';
import type { SeededRandom } from './random.ts';
import type { Call, Produced } from './record-state.ts';
import type { SimClock } from './sim-clock.ts';

/** The behaviour of one call. */
interface Script {
  readonly produced: Produced;
  /** undefined = it never completes; 0 = before it returns. */
  readonly afterMs: number | undefined;
  /** Whether it throws: instead of completing, or after it. */
  readonly throws: boolean;
  /** Milliseconds from the first completion to a second one; undefined = none. */
  readonly againMs: number | undefined;
}

interface World {
  readonly plan: Plan;
  readonly clock: SimClock;
  readonly random: SeededRandom;
  readonly model: Model;
  /** Called within each call of the function. */
  readonly onCall: () => void;
}

const invalid = 'invalid_result';

export function hasCancelHook(context: object): context is CallContext {
  return 'onCancel' in context;
}

/** A function with every kind of fault, which reports to the model. */
export function faultyFunction(world: World): Fn<Input, number> {
  const { plan } = world;
  const faulty = new Faulty(world);
  if (plan.style === 'callback') {
    const fn: AsyncFunction<Input, number> = {
      asyncInvoke: (input, result, context) => faulty.callback(faulty.started(input, context), result, context),
    };
    if (plan.hook)
      fn.timeout = (input, result, context) => faulty.callbackHook(faulty.hooked(input, context), result, context);
    return fn;
  }
  const fn: AsyncFn<Input, number> = (input, context) => faulty.answer(faulty.started(input, context), context);
  if (!plan.hook) return fn;
  return Object.assign(fn, {
    timeout: (input: Input, context: AsyncContext) => faulty.answer(faulty.hooked(input, context), context),
  });
}

class Faulty {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  started(input: Input, context: AsyncContext): Call {
    const { model } = this.#world;
    model.rules.trace?.(`called ${input.seq}, attempt ${context.attempt}`);
    return model.life.started(this.#recordOf(input, 'C1'), context);
  }

  hooked(input: Input, { deadline }: AsyncContext): Call {
    const { model } = this.#world;
    model.rules.trace?.(`timeout hook ${input.seq}`);
    return model.life.hooked(this.#recordOf(input, 'T4'), deadline);
  }

  callback(call: Call, result: ResultFuture<number>, context: AsyncContext): void {
    const { clock, onCall, random } = this.#world;
    const script = this.#script(call);
    this.#listen(call, context, () => {
      if (random.chance(0.3)) this.#complete(call, result, script.produced);
    });
    onCall();
    const give = (): void => {
      this.#complete(call, result, script.produced);
      if (script.againMs === 0) this.#complete(call, result, this.#produced(call));
      else if (script.againMs !== undefined) {
        clock.after(script.againMs, () => this.#complete(call, result, this.#produced(call)));
      }
    };
    if (script.afterMs === 0 && !(script.throws && script.againMs === undefined)) give();
    else if (script.afterMs !== undefined && script.afterMs > 0) clock.after(script.afterMs, give);
    if (script.throws) this.#throw(call);
  }

  callbackHook(call: Call, result: ResultFuture<number>, context: AsyncContext): unknown {
    const { clock, random } = this.#world;
    const script = this.#script(call);
    this.#listen(call, context, () => {});
    if (script.throws) this.#throw(call);
    const { afterMs } = script;
    // It is never completed, whether or not it returns a promise.
    if (afterMs === undefined) return random.chance(0.5) ? Promise.resolve() : undefined;
    if (afterMs === 0) {
      this.#complete(call, result, script.produced);
      if (script.againMs !== undefined) this.#complete(call, result, this.#produced(call));
      return undefined;
    }
    const give = (): void => this.#complete(call, result, script.produced);
    if (random.chance(0.5)) {
      clock.after(afterMs, give);
      return random.chance(0.5) ? Promise.resolve() : undefined;
    }
    return new Promise<void>((resolve) => {
      clock.after(afterMs, () => {
        give();
        resolve();
      });
    });
  }

  answer(call: Call, context: AsyncContext): Promise<Iterable<number>> | Iterable<number> {
    const { clock, model, onCall, random } = this.#world;
    const script = this.#script(call);
    let settled = false;
    let settle: ((produced: Produced) => void) | undefined;
    this.#listen(call, context, () => {
      if (random.chance(0.3)) settle?.(script.produced);
    });
    if (!call.hook) onCall();
    if (script.throws) this.#throw(call);
    if (script.afterMs === 0 && random.chance(0.5)) {
      model.life.produced(call, script.produced);
      return valuesOf(script.produced);
    }
    return new Promise((resolve, reject) => {
      settle = (produced) => {
        if (settled) return;
        settled = true;
        model.rules.trace?.(`gives ${call.record.seq}: ${String(produced)}`);
        model.life.produced(call, produced);
        if (typeof produced === 'string' && produced !== invalid) reject(new Error(produced));
        else resolve(valuesOf(produced));
      };
      if (script.afterMs === 0) settle(script.produced);
      else if (script.afterMs !== undefined) clock.after(script.afterMs, () => settle?.(script.produced));
    });
  }

  #complete(call: Call, result: ResultFuture<number>, produced: Produced): void {
    const { model, random } = this.#world;
    model.rules.trace?.(`gives ${call.record.seq}: ${String(produced)}`);
    model.life.produced(call, produced);
    const supplied = random.chance(0.2);
    if (typeof produced === 'string' && produced !== invalid && !supplied)
      result.completeExceptionally(new Error(produced));
    else if (supplied) result.complete(() => valuesOf(produced));
    else result.complete(valuesOf(produced));
  }

  #throw(call: Call): never {
    const thrown = `thrown ${call.record.seq}`;
    this.#world.model.life.produced(call, thrown);
    throw new Error(thrown);
  }

  #listen(call: Call, context: AsyncContext, react: () => void): void {
    const { model, random } = this.#world;
    const cancelled = (): void => {
      model.rules.trace?.(`cancelled ${call.record.seq}, attempt ${call.attempt}`);
      model.life.cancelled(call);
      react();
    };
    if (random.chance(0.05) || !hasCancelHook(context)) {
      context.signal.addEventListener('abort', cancelled, { once: true });
      if (context.signal.aborted) cancelled();
    } else context.onCancel(cancelled);
  }

  #recordOf(input: Input, rule: string) {
    const { model } = this.#world;
    const record = model.records.get(input.seq);
    if (record === undefined) {
      model.rules.broken(rule, `the function was called for ${input.seq}, which has no slot`);
      model.rules.raise();
      throw new Error('not reached');
    }
    if (input.body.mark !== input.seq) model.rules.broken('P6', `record ${input.seq} was changed by its owner`);
    return record;
  }

  #script(call: Call): Script {
    const { plan, random } = this.#world;
    const hangs = random.chance(call.hook ? Math.max(plan.hangs, 0.1) : plan.hangs);
    return {
      produced: this.#produced(call),
      afterMs: hangs ? undefined : this.#latencyMs(),
      throws: random.chance(plan.throws),
      againMs: random.chance(plan.doubles) ? random.pick([0, 1, 10]) : undefined,
    };
  }

  #produced(call: Call): Produced {
    const { plan, random } = this.#world;
    const { record, attempt } = call;
    if (random.chance(plan.errors)) return `${random.pick(['transient', 'broken'])} ${record.seq}.${attempt}`;
    if (random.chance(plan.invalid)) return invalid;
    if (random.chance(plan.empty)) return [];
    const first = record.seq * 1024 + attempt * 8;
    return random.chance(0.1) ? [first, first + random.between(1, 7)] : [first + random.between(0, 7)];
  }

  #latencyMs(): number {
    const { plan, random } = this.#world;
    if (random.chance(plan.synchronous)) return 0;
    const ms = random.next() * 2 * plan.usualMs;
    // Pareto with alpha 1, which has no mean, limited to ten thousand times the usual delay.
    const tail = random.chance(plan.tail) ? Math.min(1 / (1 - random.next()), 10_000) : 1;
    return Math.max(1, Math.ceil((ms * tail) / plan.stepMs)) * plan.stepMs;
  }
}

/** Throws the error; null stands for a value that is no collection. */
function valuesOf(produced: Produced): Iterable<number> {
  if (produced === invalid) return null as unknown as Iterable<number>;
  if (typeof produced === 'string') throw new Error(produced);
  return produced.length > 1 ? new Set(produced) : produced.slice();
}
