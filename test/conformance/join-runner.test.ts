import { describe, expect, test } from 'vitest';
import {
  orderedWait,
  virtualClock,
  type AsyncContext,
  type AsyncFunction,
  type ResultFuture,
} from '../../src/index.ts';
import { causeOf, collectUntilError, Held } from './stream.ts';

type Joined = readonly [left: number, right: string | null];

/** Flink's AsyncLookupJoinRunner as an async function: each left row with the right rows of its key. */
class LookupJoin implements AsyncFunction<number, Joined> {
  readonly #fetcher: Held<string>;
  readonly #kind: 'inner' | 'left';
  readonly #condition: (right: string) => boolean;

  constructor(fetcher: Held<string>, kind: 'inner' | 'left', condition: (right: string) => boolean = () => true) {
    this.#fetcher = fetcher;
    this.#kind = kind;
    this.#condition = condition;
  }

  asyncInvoke(left: number, result: ResultFuture<Joined>, context: AsyncContext): void {
    this.#fetcher.asyncInvoke(left, this.#joining(left, result), context);
  }

  timeout(left: number, result: ResultFuture<Joined>, context: AsyncContext): void {
    this.#fetcher.timeout(left, this.#joining(left, result), context);
  }

  #joining(left: number, result: ResultFuture<Joined>): ResultFuture<string> {
    return {
      complete: (rows) => result.complete(() => this.#join(left, typeof rows === 'function' ? rows() : rows)),
      completeExceptionally: (error) => result.completeExceptionally(error),
    };
  }

  #join(left: number, rows: Iterable<string>): readonly Joined[] {
    const joined = [...rows].filter(this.#condition).map((right): Joined => [left, right]);
    return joined.length === 0 && this.#kind === 'left' ? [[left, null]] : joined;
  }
}

/** One left row whose fetcher never answers; after 10 ms its hook returns these rows. */
async function timedOut(kind: 'inner' | 'left', fallback: readonly string[]) {
  const clock = virtualClock();
  const fetcher = new Held<string>((_left, result) => result.complete(fallback));
  const read = collectUntilError(orderedWait([1], new LookupJoin(fetcher, kind), { timeout: 10, clock }));
  await clock.advance(10);
  return read;
}

async function fetched(condition: (right: string) => boolean) {
  const fetcher = new Held<string>();
  const read = collectUntilError(orderedWait([1], new LookupJoin(fetcher, 'inner', condition), { timeout: 0 }));
  fetcher.results.get(1)?.complete(['Julian']);
  return read;
}

describe('AsyncLookupJoinRunnerTimeoutTest', () => {
  test.each([
    ['ALR-02', 'inner'],
    ['ALR-03', 'left'],
  ] as const)('%s %s join: the rows of the timeout hook are joined, and there is no error', async (_id, kind) => {
    expect(await timedOut(kind, ['fallback'])).toEqual({ all: [[1, 'fallback']], error: undefined });
  });

  test('ALR-04 inner join: if the hook returns no row, there is no joined row', async () => {
    expect(await timedOut('inner', [])).toEqual({ all: [], error: undefined });
  });

  test('ALR-05 left join: if the hook returns no row, the left row is joined with null', async () => {
    expect(await timedOut('left', [])).toEqual({ all: [[1, null]], error: undefined });
  });

  test('ALR-13 an error that the join condition reports is the outcome', async () => {
    const reported = new Error('condition');
    const fn = {
      asyncInvoke(_left: number, result: ResultFuture<Joined>) {
        result.completeExceptionally(reported);
        result.complete([[1, 'Julian']]);
      },
    };
    const { all, error } = await collectUntilError(orderedWait([1], fn, { timeout: 0 }));
    expect({ all, cause: causeOf(error) === reported }).toEqual({ all: [], cause: true });
  });

  test('ALR-14 an error that the join condition throws is the outcome', async () => {
    const thrown = new Error('condition');
    const { all, error } = await fetched(() => {
      throw thrown;
    });
    expect({ all, cause: causeOf(error) === thrown }).toEqual({ all: [], cause: true });
    expect(await fetched(() => true)).toEqual({ all: [[1, 'Julian']], error: undefined });
  });
});
