import { InputEnd } from '../../src/core/call/call-context.ts';
import { Cancellation } from '../../src/core/call/cancellation.ts';
import type { Gate } from '../../src/core/call/gate.ts';
import { RecordError, type RecordErrorCode } from '../../src/core/errors.ts';
import { silentObserver } from '../../src/core/observer/observer.ts';
import { inLaterTurn } from '../../src/core/time/later-turn.ts';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { Breaker } from '../../src/lookup/breaker/breaker.ts';
import { breakerOptions } from '../../src/lookup/breaker/breaker-options.ts';
import { Hedge } from '../../src/lookup/hedge/hedge.ts';
import { Concurrency } from '../../src/lookup/limit/concurrency.ts';
import { Limit } from '../../src/lookup/limit/limit.ts';
import { Answer, type Arguments, type LookupService, stack } from '../../src/lookup/lookup.ts';
import { RateLimit } from '../../src/lookup/rate-limit/rate-limit.ts';
import { SharedBuckets } from '../../src/lookup/rate-limit/shared-bucket.ts';
import { RetryBudget } from '../../src/lookup/retry/budget.ts';
import { lookupRetry } from '../../src/lookup/retry/lookup-retry.ts';
import { retryOptions } from '../../src/lookup/retry/retry-options.ts';
import { timeout } from '../../src/lookup/timeout.ts';
import { SeededRandom } from './random.ts';

/** A pool of connections as that of `http`: it reports in a later turn that one is free, to the last hook only. */
class Pool implements Gate {
  running = 0;
  readonly size: number;
  #hook: (() => void) | undefined = undefined;

  constructor(size: number) {
    this.size = size;
  }

  get open(): boolean {
    return this.running < this.size;
  }

  whenOpen(hook: () => void): void {
    this.#hook = hook;
  }

  end(): void {
    this.running--;
    inLaterTurn(() => {
      const hook = this.#hook;
      if (hook === undefined || !this.open) return;
      this.#hook = undefined;
      hook();
    });
  }
}

interface ProtectionRound {
  /** Records by outcome: `answer`, or the code of the error. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly records: number;
  /** Rules that were broken, each with the time. */
  readonly broken: readonly string[];
}

/**
 * The layers that protect a lookup, `hedge`, `limit`, `breaker`, `concurrency` and `rateLimit`, below `retry` and above
 * `timeout`: some hundred records of four streams, against a lookup that fails, hangs and recovers, with clients that leave.
 */
export async function protectionRound(seed: number): Promise<ProtectionRound> {
  const random = new SeededRandom(seed);
  const clock = virtualClock(random.between(0, 5000));
  const observer = silentObserver.lookup('airport');
  const pool = new Pool(random.between(1, 20));
  const rate = { perSecond: random.between(5, 500), burst: random.between(1, 20) };
  const timeoutMs = random.between(20, 400);
  const breaker = new Breaker<Arguments, Answer>(
    breakerOptions.parse({
      minimum: random.between(1, 10),
      window: `${random.between(100, 3000)}ms`,
      open: `${random.between(10, 1000)}ms`,
      whenOpen: random.pick(['fail', 'wait']),
    }),
    { lookup: 'airport', clock, observer },
  );
  const rateLimit = new RateLimit<Arguments, Answer>(rate, { lookup: 'airport', clock, buckets: new SharedBuckets() });
  const most = random.between(1, 30);
  const concurrency = new Concurrency<Arguments, Answer>(
    random.chance(0.5) ? most : { adaptive: { min: 1, max: most }, observe: false },
    clock,
  );
  const budget = new RetryBudget({ ratio: 0.2, perSecond: 10 }, clock);
  const hedge = new Hedge<Arguments, Answer>(
    { after: random.pick<'p95' | number>(['p95', 20, 100]), max: random.between(1, 3), idempotent: false },
    { clock, budget, countsCalls: false },
  );
  const gate = breaker.gate(concurrency.gate(rateLimit.gate(pool))) ?? pool;
  const limit = new Limit<Arguments, Answer>(gate);
  const broken: string[] = [];
  const begunAt: number[] = [];
  let health = 1;
  let probes = 0;

  const call: LookupService = (_, context) => {
    const now = clock.now();
    const { half_open: halfOpen = 0, open = 0 } = breaker.gauges().now ?? {};
    if (open === 1) broken.push(`a call began at ${now} while the breaker was open`);
    if (halfOpen === 1 && probes > 0) broken.push(`two probes ran at ${now}`);
    if (!pool.open) broken.push(`a call began at ${now} without a connection`);
    begunAt.push(now);
    const early = begunAt.findIndex((at) => at > now - 1000);
    const inSecond = begunAt.length - early;
    if (inSecond > rate.burst + rate.perSecond * 1.001) broken.push(`${inSecond} calls in the second before ${now}`);
    const running = concurrency.gauges().now?.['running'] ?? 0;
    if (running > most) broken.push(`${running} calls ran at ${now}, and ${most} may`);
    const probe = halfOpen === 1;
    pool.running++;
    if (probe) probes++;
    return new Promise((resolve, reject) => {
      let ended = false;
      const end = (settle: () => void): void => {
        if (ended) return;
        ended = true;
        stop();
        if (probe) probes--;
        pool.end();
        settle();
      };
      const good = random.chance(health);
      const hangs = !good && random.chance(0.3);
      const outcome = random.pick<RecordErrorCode>(['unreachable', 'bad_status', 'function_error']);
      const stop = hangs
        ? () => {}
        : clock.setTimer(random.between(1, 100), () =>
            end(() => (good ? resolve(new Answer('{}')) : reject(new RecordError(outcome, 'broken', { status: 503 })))),
          );
      context.onCancel((reason) => end(() => reject(RecordError.from(reason))));
    });
  };
  const service = stack(
    call,
    lookupRetry(retryOptions.parse({ attempts: 2, backoff: { initial: '10ms' } }), {
      clock,
      random: () => random.next(),
      observer,
      budget,
    }),
    hedge.layer,
    limit.layer,
    breaker.layer,
    concurrency.layer,
    rateLimit.layer,
    timeout<Arguments, Answer>({ timeoutMs, clock }),
  );

  const streams = Array.from({ length: 4 }, () => new InputEnd());
  const outcomes: Record<string, number> = {};
  const pending: Promise<void>[] = [];
  let settled = 0;
  let records = 0;
  const record = async (): Promise<void> => {
    const context = new Cancellation(Infinity, 1, streams[random.between(0, 3)]);
    if (random.chance(0.1)) {
      clock.setTimer(random.between(0, 500), () => context.cancel(new RecordError('cancelled', 'the client is gone')));
    }
    let outcome = 'answer';
    try {
      await service({}, context);
    } catch (error) {
      outcome = RecordError.from(error).code;
    }
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    settled++;
  };
  for (let step = 0; step < 60; step++) {
    if (random.chance(0.1)) health = random.pick([1, 1, 0.5, 0]);
    for (let n = random.between(0, 6); n > 0; n--) {
      records++;
      pending.push(record());
    }
    // oxlint-disable-next-line no-await-in-loop
    await clock.advance(random.between(0, 60));
  }
  health = 1;
  await clock.advance(600_000);
  if (settled !== records) broken.push(`${records - settled} of ${records} records have no outcome`);
  const left = limit.waiting + pool.running + (concurrency.gauges().now?.['running'] ?? 0);
  if (left > 0) broken.push('calls are left');
  if (clock.timers > 0) broken.push(`${clock.timers} timers are left`);
  return { outcomes, records, broken };
}
