import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { RecordError } from '../../src/core/errors.ts';
import { Answer, type Argument, type Arguments, RawJson } from '../../src/lookup/lookup.ts';
import { cacheKey } from '../../src/lookup/cache-key.ts';
import { cached, type Call, outcome } from './cached.ts';

/** What is known of a key: the simplest thing that could be right. */
interface Known {
  json: string | undefined;
  until: number;
  askedAt: number;
}

type Settings = Readonly<Record<'ttl' | 'negativeTtl' | 'staleWhileRevalidate' | 'staleIfError', number>> & {
  readonly maxEntries: number;
};

/** The cache as a list, oldest use first, which is searched from end to end. */
class Model {
  known: (Known & { readonly key: string })[] = [];
  evictions = 0;
  readonly counts = { hit: 0, negative: 0, stale: 0, miss: 0 };
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** What a request gets at once; undefined where a call has to be made. */
  ask(key: string, now: number): { json: string | undefined; source: 'cache' | 'stale' } | undefined {
    const found = this.use(key);
    if (found === undefined) return undefined;
    if (now < found.until) {
      this.counts[found.json === undefined ? 'negative' : 'hit']++;
      return { json: found.json, source: 'cache' };
    }
    if (found.json === undefined || now >= found.until + this.#settings.staleWhileRevalidate) return undefined;
    this.counts.stale++;
    return { json: found.json, source: 'stale' };
  }

  keep(key: string, json: string | undefined, askedAt: number, now: number): void {
    const later = this.known.find((other) => other.key === key && other.askedAt > askedAt);
    if (json === undefined && this.#settings.negativeTtl === 0) {
      if (later === undefined) this.known = this.known.filter((other) => other.key !== key);
      return;
    }
    const until = now + (json === undefined ? this.#settings.negativeTtl : this.#settings.ttl);
    const found = this.use(key);
    if (found === undefined) {
      if (this.known.length === this.#settings.maxEntries) this.evictions += this.known.splice(0, 1).length;
      this.known.push({ key, json, until, askedAt });
    } else if (later === undefined) Object.assign(found, { json, until, askedAt });
  }

  /** The answer that stands in for a failure. */
  spare(key: string, now: number): string | undefined {
    const found = this.#settings.staleIfError > 0 ? this.use(key) : undefined;
    const spared = found !== undefined && now < found.until + this.#settings.staleIfError ? found.json : undefined;
    this.counts[spared === undefined ? 'miss' : 'stale']++;
    return spared;
  }

  use(key: string): (Known & { readonly key: string }) | undefined {
    const found = this.known.find((other) => other.key === key);
    if (found !== undefined) this.known = [...this.known.filter((other) => other !== found), found];
    return found;
  }
}

interface Waiting {
  readonly call: Call;
  readonly key: string;
  readonly askedAt: number;
  /** Undefined for a call that belongs to no record. */
  readonly result: Promise<Answer | RecordError> | undefined;
}

const failure = new RecordError('unreachable', 'refused');
const seconds = fc.integer({ min: 0, max: 20 });
const settings = fc.record({
  maxEntries: fc.integer({ min: 1, max: 4 }),
  ttl: fc.integer({ min: 1, max: 20 }),
  negativeTtl: seconds,
  staleWhileRevalidate: seconds,
  staleIfError: seconds,
});
const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('ask' as const), key: fc.constantFrom('a', 'b', 'c', 'd', 'e') }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      which: fc.nat(),
      how: fc.constantFrom('answer', 'answer', 'miss', 'fail'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 0, max: 15 }) }) },
);

const inSeconds = ({ maxEntries, ...durations }: Settings): object => ({
  maxEntries,
  ...Object.fromEntries(Object.entries(durations).map(([name, value]) => [name, `${value}s`])),
});

const inMs = ({ maxEntries, ttl, negativeTtl, staleWhileRevalidate, staleIfError }: Settings): Settings => ({
  maxEntries,
  ttl: ttl * 1000,
  negativeTtl: negativeTtl * 1000,
  staleWhileRevalidate: staleWhileRevalidate * 1000,
  staleIfError: staleIfError * 1000,
});

test('a cache does what a list of answers would do, whatever is asked, answered and failed in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(settings, fc.array(command, { maxLength: 60 }), async (given, commands) => {
      const it = cached(inSeconds(given));
      const model = new Model(inMs(given));
      const waiting: Waiting[] = [];
      let said = 0;

      for (const step of commands) {
        const now = it.clock.now();
        if (step.do === 'wait') {
          await it.clock.advance(step.seconds * 1000);
        } else if (step.do === 'ask') {
          const before = it.calls.length;
          const answer = it.ask(step.key);
          const expected = model.ask(step.key, now);
          if (expected !== undefined) expect(answer).toMatchObject({ ...expected, attempts: 0 });
          const made = it.calls.length - before;
          const begun = expected === undefined || (expected.source === 'stale' && made === 1);
          expect(made).toBe(begun ? 1 : 0);
          if (!begun) continue;
          const result = expected === undefined ? outcome(() => answer) : undefined;
          waiting.push({ call: it.last, key: step.key, askedAt: now, result });
        } else if (waiting.length > 0) {
          const [ended] = waiting.splice(step.which % waiting.length, 1);
          if (ended === undefined) continue;
          const { call, key, askedAt, result } = ended;
          const json = step.how === 'answer' ? `"${++said}"` : undefined;
          if (step.how === 'fail') call.fail(failure);
          else call.answer(json);
          if (step.how !== 'fail') model.keep(key, json, askedAt, now);
          await it.clock.advance(0);
          if (result === undefined) continue;
          if (step.how !== 'fail') {
            model.counts.miss++;
            expect(await result).toMatchObject({ json, source: 'call' });
            continue;
          }
          const spared = model.spare(key, now);
          if (spared === undefined) expect(await result).toBe(failure);
          else expect(await result).toMatchObject({ json: spared, source: 'stale' });
        }
        expect(it.counts()).toEqual({ ...model.counts, entries: model.known.length, evictions: model.evictions });
        expect(it.counts().entries).toBeLessThanOrEqual(given.maxEntries);
      }
      it.cache.close();
    }),
    { numRuns: 300 },
  );
});

const argument: fc.Arbitrary<Argument> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Argument>('1', 1, 'true', true, 'n1;', 's1:1', '', 0, -0, '1:bt', '-0') },
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.integer({ min: -3, max: 12 }),
  fc.double(),
  fc.boolean(),
  fc.jsonValue({ maxDepth: 1 }).map((value) => new RawJson(JSON.stringify(value))),
);
const argumentsGiven = fc.dictionary(fc.constantFrom('a', 'b', '1:b', ''), argument, { maxKeys: 3 });

const plain = (args: Arguments): unknown =>
  Object.fromEntries(
    Object.entries(args).map(([name, value]) => [name, value instanceof RawJson ? { raw: value.source } : value]),
  );

test('two keys are equal exactly where the arguments are, whatever their order', () => {
  fc.assert(
    fc.property(argumentsGiven, argumentsGiven, (left, right) => {
      expect(cacheKey(left) === cacheKey(right)).toBe(isDeepStrictEqual(plain(left), plain(right)));
      expect(cacheKey(Object.fromEntries(Object.entries(left).toReversed()))).toBe(cacheKey(left));
    }),
    { numRuns: 3000 },
  );
});
