import { InputEnd } from '../../src/core/call/call-context.ts';
import { RecordError } from '../../src/core/errors.ts';
import { silentObserver } from '../../src/core/observer/observer.ts';
import { type VirtualClock, virtualClock } from '../../src/core/time/virtual-clock.ts';
import type { LookupConfig } from '../../src/config/schema/schema.ts';
import { Answer } from '../../src/lookup/lookup.ts';
import { SharedBuckets } from '../../src/lookup/rate-limit/shared-bucket.ts';
import { RetryBudget } from '../../src/lookup/retry/budget.ts';
import { type LayerList, lookupLayers } from '../../src/pipeline/lookups/layers.ts';
import { layered, type LayeredConnector } from '../../src/pipeline/lookups/lookups.ts';
import { type FarCall, FarEnd } from './layers-far-end.ts';
import { layersPlan } from './layers-plan.ts';
import { LayersRecord } from './layers-record.ts';
import { SeededRandom } from './random.ts';

export interface LayersOutcome {
  readonly records: number;
  /** Records by outcome: the source of an answer, `miss`, or the code of the error. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly config: LookupConfig;
}

/** A rule that was broken, with its time and the seed. */
export class BrokenLayers extends Error {}

/** Runs the round of one seed. Rejects with BrokenLayers at the first rule that is broken. `list` may have a defect. */
export async function layersRound(seed: number, list: LayerList = lookupLayers, records = 400): Promise<LayersOutcome> {
  const round = new LayersRound(seed, list);
  await round.run(records);
  return round;
}

/**
 * All layers of a lookup as the service puts them together, with a far end that fails, hangs and recovers, for records of
 * four streams whose times end and whose clients leave. The rules are checked at each call, at each outcome and after each
 * step of the clock.
 */
class LayersRound implements LayersOutcome {
  records = 0;
  readonly outcomes: Record<string, number> = {};
  readonly config: LookupConfig;
  readonly #seed: number;
  readonly #random: SeededRandom;
  readonly #clock: VirtualClock;
  readonly #far: FarEnd;
  readonly #lookup: LayeredConnector;
  readonly #streams = Array.from({ length: 4 }, () => new InputEnd());
  readonly #waiting = new Set<LayersRecord>();
  readonly #begunAt: number[] = [];
  #broken: string | undefined = undefined;

  constructor(seed: number, list: LayerList) {
    this.#seed = seed;
    this.#random = new SeededRandom(seed);
    this.#clock = virtualClock(this.#random.between(0, 5000));
    this.config = layersPlan(this.#random);
    this.#far = new FarEnd(this.#random, this.#clock, { begins: (call) => this.#begins(call) });
    const { retry, batch } = this.config;
    const parts = {
      lookup: 'far',
      config: this.config,
      connector: this.#far.connector(batch !== undefined),
      clock: this.#clock,
      random: () => this.#random.next(),
      observer: silentObserver.lookup('far'),
      budget: new RetryBudget(retry?.budget ?? { ratio: 0.2, perSecond: 10 }, this.#clock),
      tracesCalls: false,
      buckets: new SharedBuckets(),
    };
    this.#lookup = layered(parts, list);
  }

  async run(records: number): Promise<void> {
    const random = this.#random;
    while (this.records < records) {
      if (random.chance(0.1)) this.#far.health = random.pick([1, 1, 0.7, 0]);
      for (let burst = random.between(0, 12); burst > 0; burst--) this.#ask();
      for (const record of this.#waiting) {
        if (record.deadline <= this.#clock.now()) record.cancel(new RecordError('timeout', 'its time ran out'));
        else if (random.chance(0.01)) record.cancel(new RecordError('cancelled', 'its client has gone'));
      }
      // oxlint-disable-next-line no-await-in-loop
      await this.#advance(random.between(0, 8));
    }
    this.#far.health = 1;
    await this.#advance(5000);
    // A call that hangs and has no time of its own ends with its records.
    for (const record of this.#waiting) record.cancel(new RecordError('cancelled', 'its client has gone'));
    await this.#advance(5000);
    const { coalesce, batch, concurrency } = this.#now();
    const left = { records: this.#waiting.size, calls: this.#far.underWay.size, timers: this.#clock.timers };
    const kept = [coalesce['open'], batch['gathering'], batch['inFlight'], concurrency['running']];
    this.#expect(
      Object.values(left).every((count) => count === 0),
      `is left at the end: ${JSON.stringify(left)}`,
    );
    this.#expect(
      kept.every((count = 0) => count === 0),
      `is left in the layers at the end: ${JSON.stringify(kept)}`,
    );
    this.#check();
    for (const layer of [...this.#lookup.recordLayers, ...this.#lookup.callLayers]) layer.close?.();
  }

  #ask(): void {
    this.records++;
    const random = this.#random;
    const record = new LayersRecord(
      Math.floor(12 * random.next() ** 2),
      random.pick(this.#streams as [InputEnd, ...InputEnd[]]),
      this.#clock.now() + random.between(5, 400),
      {
        clock: this.#clock,
        lingerMs: this.config.batch?.linger ?? 0,
        overdue: (waitedMs) => this.#expect(false, `a record waited ${waitedMs} ms for its batch and for nothing else`),
      },
    );
    this.#waiting.add(record);
    try {
      const answer = this.#lookup.call({ key: record.key }, record);
      if (!(answer instanceof Promise)) return this.#settled(record, answer);
      answer.then(
        (found) => this.#settled(record, found),
        (error: unknown) => this.#settled(record, error),
      );
    } catch (error) {
      this.#settled(record, error);
    }
  }

  /** The far end gets a call: those that run with it, and how often calls begin. */
  #begins({ keys, atMs }: FarCall): void {
    const { coalesce, batch, timeout, hedge, concurrency, rateLimit } = this.config;
    this.#expect(keys.length <= (batch?.maxSize ?? 1), `a call for ${keys.length} keys began`);
    this.#expect(new Set(keys).size === keys.length, `a call for ${keys.join()} began: one key comes twice`);
    const { breaker } = this.#now();
    this.#expect((breaker['open'] ?? 0) === 0, 'a call began while the breaker was open');
    const running = this.#far.underWay.size + 1;
    const most = typeof concurrency === 'number' ? concurrency : (concurrency?.adaptive.max ?? Infinity);
    this.#expect(running <= most, `${running} calls run, and ${most} may`);
    this.#expect(batch === undefined || running <= batch.maxInFlight, `${running} batches are under way`);
    if (rateLimit !== undefined) {
      this.#begunAt.push(atMs);
      const lately = this.#begunAt.length - this.#begunAt.findIndex((at) => at > atMs - 1000);
      const may = rateLimit.burst + rateLimit.perSecond * 1.001;
      this.#expect(lately <= may, `${lately} calls began within a second, and ${may} may`);
    }
    // A batch goes on for its other records when a key has no record any more, and a call without a time may hang.
    if (!coalesce || batch !== undefined || timeout === undefined) return;
    const alike = [...this.#far.underWay].filter((call) => call.keys[0] === keys[0]).length + 1;
    this.#expect(alike <= 1 + (hedge?.max ?? 0), `${alike} calls for key ${keys[0]} run at once`);
  }

  #settled(record: LayersRecord, outcome: unknown): void {
    this.#expect(++record.outcomes === 1, 'a record has a second outcome');
    this.#waiting.delete(record);
    if (outcome instanceof Answer) this.#answered(record, outcome);
    else this.#failed(record, RecordError.from(outcome));
    if (record.cancelled) return;
    // A hedge that was not needed, or a batch that a record has left, may still run: its waits end with it.
    if (this.config.hedge === undefined) this.#expect(record.waits === 0, 'a record has its outcome and still waits');
  }

  #answered(record: LayersRecord, { json, source }: Answer): void {
    const { cache } = this.config;
    const now = this.#clock.now();
    this.#count(json === undefined ? 'miss' : source);
    if (json === undefined) {
      const since = source === 'cache' ? now - (cache?.negativeTtl ?? 0) : now;
      const known = (this.#far.misses.get(record.key) ?? []).some((at) => at >= since && (at > since || since === now));
      return this.#expect(known, `a miss of key ${record.key} from ${source} that the far end did not have`);
    }
    const given = this.#far.given.get(json);
    if (given?.key !== record.key)
      return this.#expect(false, `a record with key ${record.key} got the answer of ${given?.key}`);
    const age = now - given.atMs;
    if (source === 'call') return this.#expect(age === 0, `an answer came ${age} ms after it was given`);
    const { ttl = 0, staleWhileRevalidate = 0, staleIfError = 0 } = cache ?? {};
    if (source === 'cache') return this.#expect(age < ttl, `an answer of ${age} ms was used as if it were fresh`);
    const oldest = ttl + Math.max(staleWhileRevalidate, staleIfError);
    this.#expect(age >= ttl && age < oldest, `an answer of ${age} ms was used as an old one`);
  }

  /** A failure is that of the last call, at the time of that call, of the breaker, or the end of the record itself. */
  #failed(record: LayersRecord, { code, message }: RecordError): void {
    this.#count(code);
    const now = this.#clock.now();
    const given = this.#far.given.get(message);
    if (given !== undefined) {
      const { key = record.key, atMs } = given;
      this.#expect(key === record.key, `a record with key ${record.key} got the failure of ${key}`);
      // With hedges the first failure counts, also if the last call has ended later, and another record had begun them.
      const { hedge, coalesce } = this.config;
      const since = hedge === undefined ? now : coalesce ? -Infinity : record.beganMs;
      return this.#expect(atMs >= since, `a record got a failure of ${now - atMs} ms ago`);
    }
    const own = code === 'timeout' || code === 'cancelled' || code === 'breaker_open';
    this.#expect(own, `a record failed with ${code}: ${message}`);
    if (code === 'cancelled' && !record.cancelled) this.#expect(false, `a record was cancelled: ${message}`);
  }

  #count(outcome: string): void {
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
  }

  async #advance(ms: number): Promise<void> {
    await this.#clock.advance(ms);
    this.#check();
  }

  #check(): void {
    const { cache } = this.#now();
    const { entries = 0, bytes = 0 } = cache;
    this.#expect(entries <= (this.config.cache?.maxEntries ?? 0), `the cache holds ${entries} answers`);
    this.#expect(bytes <= (this.config.cache?.maxBytes ?? 0), `the cache holds ${bytes} bytes`);
    for (const { cancelled } of this.#waiting) this.#expect(!cancelled, 'a record that has left still waits');
    if (this.#broken !== undefined) throw new BrokenLayers(this.#broken);
  }

  /** The present figures of the layers. */
  #now(): Readonly<
    Record<'cache' | 'coalesce' | 'batch' | 'breaker' | 'concurrency', Readonly<Record<string, number>>>
  > {
    const figures: Record<string, Readonly<Record<string, number>>> = {};
    for (const layer of [...this.#lookup.recordLayers, ...this.#lookup.callLayers])
      figures[layer.name] = layer.gauges?.().now ?? {};
    const { cache = {}, coalesce = {}, batch = {}, breaker = {}, concurrency = {} } = figures;
    return { cache, coalesce, batch, breaker, concurrency };
  }

  #expect(holds: boolean, what: string): void {
    if (!holds) this.#broken ??= `seed ${this.#seed}, ${this.#clock.now()} ms: ${what}`;
  }
}
