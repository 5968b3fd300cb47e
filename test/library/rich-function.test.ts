import { describe, expect, test } from 'vitest';
import {
  keyedWait,
  orderedWait,
  orderedWaitWithRetry,
  AsyncRetryStrategies,
  RichAsyncFunction,
  unorderedWait,
  UnsupportedOperationError,
  type Logger,
  type MetricGroup,
  type ResultFuture,
  type RuntimeContext,
  type WaitOptions,
} from '../../src/index.ts';
import { collect, Fed, settled } from './stream.ts';

/** Records the calls of its methods. */
class Client extends RichAsyncFunction<number, string> {
  readonly log: string[] = [];
  runtime: RuntimeContext | undefined;
  readonly #failing: string | undefined;

  constructor(failing?: string) {
    super();
    this.#failing = failing;
  }

  override async open(runtime: RuntimeContext): Promise<void> {
    this.runtime = runtime;
    await this.#note('open');
  }

  override async close(): Promise<void> {
    await this.#note('close');
  }

  override asyncInvoke(input: number, result: ResultFuture<string>): void {
    this.log.push(`call ${input}`);
    if (this.#failing === `call ${input}`) result.completeExceptionally(new Error(`${this.#failing} failed`));
    else result.complete([`row ${input}`]);
  }

  async #note(what: string): Promise<void> {
    this.log.push(`${what} begins`);
    await settled();
    if (this.#failing === what) throw new Error(`${what} failed`);
    this.log.push(what);
  }
}

const options: WaitOptions<number, string> = { timeout: 0, capacity: 2 };
const waits = {
  ordered: orderedWait<number, string>,
  unordered: unorderedWait<number, string>,
  keyed: ((source, fn, given) => keyedWait(source, fn, { ...given, key: String })) as typeof orderedWait<
    number,
    string
  >,
  retried: ((source, fn, given) =>
    orderedWaitWithRetry(source, fn, {
      ...given,
      timeout: 1000,
      retryStrategy: AsyncRetryStrategies.fixedDelay({ maxAttempts: 1, delayMs: 1 }),
    })) as typeof orderedWait<number, string>,
};

describe.each(Object.entries(waits))('RichAsyncFunction, %s', (_mode, wait) => {
  test('F2 is opened before its first call and closed after its last, and the iteration ends after that', async () => {
    const client = new Client();
    expect(await collect(wait([1, 2, 3], client, options))).toEqual(['row 1', 'row 2', 'row 3']);
    expect(client.log).toEqual(['open begins', 'open', 'call 1', 'call 2', 'call 3', 'close begins', 'close']);
  });

  test('F2 break closes it before the loop ends', async () => {
    const client = new Client();
    for await (const row of wait([1, 2, 3], client, options)) {
      expect(row).toBe('row 1');
      break;
    }
    expect(client.log.slice(-2)).toEqual(['close begins', 'close']);
    expect(client.log.filter((entry) => entry === 'close')).toHaveLength(1);
  });

  test('F2 a failed record closes it, before the error is thrown', async () => {
    const client = new Client('call 2');
    await expect(collect(wait([1, 2, 3], client, options))).rejects.toThrow('call 2 failed');
    expect(client.log.slice(-2)).toEqual(['close begins', 'close']);
  });

  test('F2 the error of open is thrown, the function is closed, no call is made, and the source is closed', async () => {
    const client = new Client('open');
    let released = false;
    async function* source() {
      try {
        yield 1;
      } finally {
        released = true;
      }
    }
    const iterator = source();
    await expect(collect(wait(iterator, client, options))).rejects.toThrow('open failed');
    expect(client.log).toEqual(['open begins', 'close begins', 'close']);
    await settled();
    expect([released, (await iterator.next()).done]).toEqual([false, true]);
  });

  test('the error of close is thrown if nothing failed before it', async () => {
    await expect(collect(wait([1], new Client('close'), options))).rejects.toThrow('close failed');
  });

  test('an iteration that never began neither opens nor closes the function', async () => {
    const client = new Client();
    await wait([1], client, options).return();
    expect(client.log).toEqual([]);
  });
});

describe('leaving early', () => {
  test('leaving during open closes the function once it is open, and waits for neither', async () => {
    const client = new Client();
    const results = orderedWait([1], client, options);
    const read = results.next();
    await results.return();
    expect(await read).toEqual({ done: true, value: undefined });
    for (let turn = 0; turn < 3; turn++) await settled();
    expect(client.log).toEqual(['open begins', 'open', 'close begins', 'close']);
  });

  test('the signal closes it as well', async () => {
    const client = new Client();
    const controller = new AbortController();
    const results = orderedWait(new Fed(1, 2), client, { ...options, signal: controller.signal });
    await results.next();
    controller.abort(new Error('shutting down'));
    await expect(collect(results)).rejects.toThrow('shutting down');
    expect(client.log.slice(-2)).toEqual(['close begins', 'close']);
  });

  test('each iteration opens and closes it once', async () => {
    const client = new Client();
    await collect(orderedWait([1], client, options));
    await collect(orderedWait([2], client, options));
    expect(client.log.filter((entry) => entry === 'open' || entry === 'close')).toEqual([
      'open',
      'close',
      'open',
      'close',
    ]);
  });

  test('any object with open and close is a rich function', async () => {
    const log: string[] = [];
    const fn = {
      open: (runtime: RuntimeContext) => void log.push(`open ${runtime.taskName}`),
      close: () => void log.push('close'),
      asyncInvoke: (input: number, result: ResultFuture<string>) => result.complete([`${input}`]),
    };
    expect(await collect(orderedWait([1], fn, options))).toEqual(['1']);
    expect(log).toEqual(['open orderedWait', 'close']);
  });
});

async function runtimeOf(given: Partial<WaitOptions<number, string>> = {}): Promise<RuntimeContext> {
  const client = new Client();
  await collect(orderedWait([1], client, { ...options, ...given }));
  if (client.runtime === undefined) throw new Error('was not opened');
  return client.runtime;
}

describe('the runtime context', () => {
  test('F3 has the name of the task, and the index of the worker', async () => {
    expect(await runtimeOf()).toMatchObject({
      taskName: 'orderedWait',
      subtaskIndex: 0,
      parallelism: 1,
      attemptNumber: 0,
      parameters: {},
    });
    expect((await runtimeOf({ taskName: 'airports' })).taskName).toBe('airports');
  });

  test('F3 has parameters, metrics and a logger', async () => {
    const counted: string[] = [];
    const metrics: MetricGroup = {
      counter: (name) => ({ inc: (n = 1) => void counted.push(`${name} ${n}`) }),
      gauge: (name, read) => void counted.push(`${name} ${read()}`),
      histogram: (name) => ({ observe: (value) => void counted.push(`${name} ${value}`) }),
      group: () => metrics,
    };
    const logger: Logger = { ...console, info: (message) => void counted.push(message) };
    const runtime = await runtimeOf({ parameters: { table: 'airports' }, metrics, logger });
    runtime.metrics.group('db').counter('calls').inc();
    runtime.metrics.gauge('open', () => 3);
    runtime.metrics.histogram('rows', [1, 10]).observe(7);
    runtime.logger.info('ready');
    expect(runtime.parameters).toEqual({ table: 'airports' });
    expect(counted).toEqual(['calls 1', 'open 3', 'rows 7', 'ready']);
  });

  test('F3 without the options metrics and logger nothing is kept, and nothing fails', async () => {
    const { metrics, logger } = await runtimeOf();
    metrics.group('a').counter('b').inc(2);
    metrics.gauge('c', () => 1);
    metrics.histogram('d').observe(1);
    for (const level of ['debug', 'info', 'warn', 'error'] as const) {
      expect(logger[level]('this is not written')).toBeUndefined();
    }
  });

  test.each([
    ['getState', 'runs for many keys at once'],
    ['getAccumulator', 'use metrics'],
    ['getBroadcastVariable', 'there is no second stream'],
    ['getDistributedCache', 'no files are sent'],
  ] as const)('F3 %s is refused, with the reason', async (method, reason) => {
    const runtime = await runtimeOf();
    expect(() => runtime[method]()).toThrow(UnsupportedOperationError);
    expect(() => runtime[method]()).toThrow(reason);
  });
});
