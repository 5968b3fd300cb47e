import type { CallContext } from '../../../src/core/call/call-context.ts';
import { RecordError } from '../../../src/core/errors.ts';
import type { JsonObject } from '../../../src/core/json/json.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import type { PipelineConfig } from '../../../src/config/schema/schema.ts';
import { Batcher } from '../../../src/lookup/batch/batcher.ts';
import { type BatchOptions } from '../../../src/lookup/batch/batch-options.ts';
import { argumentsKey } from '../../../src/lookup/arguments-key.ts';
import { lookupRetry } from '../../../src/lookup/retry/lookup-retry.ts';
import { retryOptions } from '../../../src/lookup/retry/retry-options.ts';
import { unlimited } from '../../../src/lookup/limit/limit.ts';
import { Answer, type Arguments, type ManyLookupService, type Reply, stack } from '../../../src/lookup/lookup.ts';
import { timeout } from '../../../src/lookup/timeout.ts';
import { createMetrics } from '../../../src/observability/metrics/metrics.ts';
import type { Lookup } from '../../../src/pipeline/lookups/lookups.ts';
import { pipelineOf, Run, settled, step } from '../../pipeline/harness.ts';

/** A call for many keys that the far end has received. */
interface ManyCall {
  readonly keys: readonly string[];
  readonly context: CallContext;
  readonly resolve: (replies: readonly Reply<Answer>[]) => void;
  readonly reject: (error: unknown) => void;
}

/** The far end of a batch: it keeps every call until the test answers it, and rejects one that is cancelled. */
class FarEnd {
  readonly calls: ManyCall[] = [];
  readonly cancelled: unknown[] = [];
  /** How it answers by itself; without it the test answers. */
  reply: ((keys: readonly string[], call: number) => readonly Reply<Answer>[] | Error | undefined) | undefined;

  readonly service: ManyLookupService = (requests, context) =>
    new Promise((answered, failed) => {
      const keys = requests.map(keyOf);
      const removeCancelHook = context.onCancel((reason) => {
        this.cancelled.push(reason);
        failed(reason);
      });
      const resolve = (replies: readonly Reply<Answer>[]): void => {
        removeCancelHook();
        answered(replies);
      };
      const reject = (error: unknown): void => {
        removeCancelHook();
        failed(error);
      };
      this.calls.push({ keys, context, resolve, reject });
      const own = this.reply?.(keys, this.calls.length);
      if (own === undefined) return;
      if (own instanceof Error) reject(own);
      else resolve(own);
    });

  /** The keys of each call. */
  get batches(): readonly (readonly string[])[] {
    return this.calls.map(({ keys }) => keys);
  }

  get sizes(): readonly number[] {
    return this.calls.map(({ keys }) => keys.length);
  }

  /** Answers the call with this index: each key with its double. */
  answer(index: number): void {
    const call = this.call(index);
    call.resolve(doubled(call.keys));
  }

  fail(index: number, error: unknown): void {
    this.call(index).reject(error);
  }

  call(index: number): ManyCall {
    const call = this.calls.at(index);
    if (call === undefined) throw new Error(`there is no call ${index}`);
    return call;
  }
}

function keyOf({ key }: Arguments): string {
  return typeof key === 'string' ? key : JSON.stringify(key);
}

/** The function of Flink's tests: each value doubled. */
export function doubled(keys: readonly string[]): readonly Answer[] {
  return keys.map((key) => new Answer(String(Number(key) * 2)));
}

export function refused(status: number): RecordError {
  return new RecordError('bad_status', `answered ${status}`, { status });
}

const hourMs = 3_600_000;

/** A batcher in front of a far end, without a pipeline. */
export function batching(options: Partial<BatchOptions> = {}) {
  const clock = virtualClock();
  const far = new FarEnd();
  const metrics = createMetrics({ version: '0' });
  const observer = metrics.observer.lookup('far');
  const all = { maxSize: 3, linger: hourMs, maxInFlight: 8, ...options };
  const batcher = new Batcher<Arguments, Answer>(all, { clock, observer, keyOf: argumentsKey });
  observer.layer('batch', () => batcher.gauges());
  const call = batcher.over(stack(far.service, unlimited()));
  const ask = (key: string, context: CallContext): Promise<Answer | RecordError> =>
    Promise.resolve(call({ key }, context)).catch((error: unknown) => RecordError.from(error));
  return { clock, far, batcher, ask, metrics };
}

interface BatchedOptions {
  readonly batch?: Partial<BatchOptions>;
  readonly retry?: object;
  readonly timeoutMs?: number;
  readonly pipeline?: Partial<PipelineConfig>;
}

/** One stream of a pipeline whose only lookup gathers batches: the batches of a stream whose input is values. */
export function batchedStream({ batch = {}, retry, timeoutMs = 0, pipeline: config = {} }: BatchedOptions = {}) {
  const clock = virtualClock();
  const far = new FarEnd();
  const metrics = createMetrics({ version: '0' });
  const observer = metrics.observer.lookup('far');
  const all = { maxSize: 3, linger: hourMs, maxInFlight: 8, ...batch };
  const batcher = new Batcher<Arguments, Answer>(all, { clock, observer, keyOf: argumentsKey });
  observer.layer('batch', () => batcher.gauges());
  const counted: ManyLookupService = async (requests, context) => {
    const startedMs = clock.now();
    try {
      const replies = await far.service(requests, context);
      observer.called('ok', clock.now() - startedMs);
      return replies;
    } catch (error) {
      const { code } = RecordError.from(error);
      observer.called(code === 'timeout' ? 'timeout' : 'bad_status', clock.now() - startedMs);
      throw error;
    }
  };
  const many = stack(counted, unlimited(), timeout({ timeoutMs, clock }));
  const records =
    retry === undefined ? [] : [lookupRetry(retryOptions.parse(retry), { clock, random: () => 1, observer })];
  const lookup: Lookup = {
    name: 'far',
    call: stack(batcher.over(many), ...records),
    immediate: false,
    runsUserCode: false,
    largestAnswerBytes: 0,
    describe: () => ({}),
    waitMs: () => 0,
    layers: [],
    async close() {},
  };
  const { pipeline } = pipelineOf([lookup], [step('far', '/v', '/x')], { timeout: 0, ...config }, clock);
  const run = new Run(pipeline);
  const push = (...values: readonly number[]): boolean => run.push(values.map((v) => `{"v":${v}}\n`).join(''));
  const lookupState = (): JsonObject => {
    const { lookups } = metrics.snapshot() as { lookups: Record<string, JsonObject> };
    return lookups['far'] ?? {};
  };
  /** Ends the input and waits until every outcome that is ready is out. */
  const end = async (): Promise<void> => {
    run.stream.endBody();
    await settled();
  };
  const scraped = async (name: string): Promise<number> => {
    const line = (await metrics.scrape()).split('\n').find((one) => one.startsWith(`millrace_${name}{lookup="far"}`));
    return Number(line?.split(' ')[1]);
  };
  return { clock, far, run, push, end, state: lookupState, scraped, pipeline };
}

/** The values that the lookup added, in the order of the output; an error by its code. */
export function added(lines: readonly string[]): readonly unknown[] {
  return lines.map((line) => {
    const { x, _error: error }: { x?: unknown; _error?: { code: string } } = JSON.parse(line);
    return error === undefined ? x : error.code;
  });
}
