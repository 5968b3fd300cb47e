import * as fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { RecordError } from '../../../src/core/errors.ts';
import { Answer, type Argument, type Arguments, RawJson } from '../../../src/lookup/lookup.ts';
import { argumentsKey } from '../../../src/lookup/arguments-key.ts';
import { cached, type Call, outcome } from './cached.ts';

/** The answer for a key in the model. */
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
  /** Keys with a refresh under way. */
  readonly renewed = new Set<string>();
  readonly counts = { hit: 0, negative: 0, stale: 0, miss: 0 };
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The answer that a request gets at once; undefined if a call has to be made. */
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

  /** The answer that replaces a failure: it is fresh if another call of the key has stored it since. */
  spare(key: string, now: number): { json: string; source: 'cache' | 'stale' } | undefined {
    const found = this.#settings.staleIfError > 0 ? this.use(key) : undefined;
    if (found?.json === undefined || now >= found.until + this.#settings.staleIfError) {
      this.counts.miss++;
      return undefined;
    }
    const isFresh = now < found.until;
    this.counts[isFresh ? 'hit' : 'stale']++;
    return { json: found.json, source: isFresh ? 'cache' : 'stale' };
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
type Command =
  | { readonly do: 'ask'; readonly key: string }
  | { readonly do: 'end'; readonly which: number; readonly how: string }
  | { readonly do: 'wait'; readonly seconds: number };

const seconds = fc.integer({ min: 0, max: 20 });
const settings = fc.record({
  maxEntries: fc.integer({ min: 1, max: 4 }),
  ttl: fc.integer({ min: 1, max: 20 }),
  negativeTtl: seconds,
  staleWhileRevalidate: seconds,
  staleIfError: seconds,
});
const command: fc.Arbitrary<Command> = fc.oneof(
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

/** The comparable part of an outcome: of a failure its code. */
function shown(outcomeOf: Answer | RecordError): object {
  if (outcomeOf instanceof RecordError) return { code: outcomeOf.code };
  const { json, source, attempts } = outcomeOf;
  return { json, source, attempts };
}

/** Runs the commands on a cache and on the model. Returns the outcomes of both, step by step. */
async function round(given: Settings, commands: readonly Command[]): Promise<{ got: unknown[]; expected: unknown[] }> {
  const it = cached(inSeconds(given));
  const model = new Model(inMs(given));
  const waiting: Waiting[] = [];
  const got: unknown[] = [];
  const expected: unknown[] = [];
  let said = 0;

  const ask = (key: string): void => {
    const askedAt = it.clock.now();
    const before = it.calls.length;
    const answer = it.ask(key);
    const known = model.ask(key, askedAt);
    const called = it.calls.length - before;
    got.push({ called, ...(answer instanceof Promise ? {} : shown(answer)) });
    const renews = known?.source === 'stale' && !model.renewed.has(key);
    expected.push({ called: known === undefined || renews ? 1 : 0, ...(known && { ...known, attempts: 0 }) });
    if (renews) model.renewed.add(key);
    if (called === 0) return;
    waiting.push({ call: it.last, key, askedAt, result: known === undefined ? outcome(() => answer) : undefined });
  };

  const end = async ({ call, key, askedAt, result }: Waiting, how: string): Promise<void> => {
    const now = it.clock.now();
    const json = how === 'answer' ? `"${++said}"` : undefined;
    if (how === 'fail') call.fail(failure);
    else call.answer(json);
    await it.clock.advance(0);
    if (how !== 'fail') model.keep(key, json, askedAt, now);
    if (result === undefined) {
      model.renewed.delete(key);
      return;
    }
    got.push(shown(await result));
    const spared = how === 'fail' ? model.spare(key, now) : undefined;
    if (how !== 'fail') model.counts.miss++;
    if (how !== 'fail') expected.push({ json, source: 'call', attempts: 1 });
    else expected.push(spared === undefined ? { code: failure.code } : { ...spared, attempts: 1 });
  };

  for (const step of commands) {
    if (step.do === 'wait') await it.clock.advance(step.seconds * 1000);
    else if (step.do === 'ask') ask(step.key);
    else {
      const [ended] = waiting.splice(step.which % Math.max(1, waiting.length), 1);
      if (ended !== undefined) await end(ended, step.how);
    }
    const { bytes, late, refused, ...counts } = it.counts();
    got.push(counts);
    if (late + refused > 0 || bytes > model.known.length * 1000)
      throw new Error('the bytes or the late answers are counted wrong');
    expected.push({ ...model.counts, entries: model.known.length, evictions: model.evictions });
  }
  it.cache.close();
  return { got, expected };
}

test('a cache does what a list of answers does, for any requests, answers and failures in any order', async () => {
  await fc.assert(
    fc.asyncProperty(settings, fc.array(command, { maxLength: 60 }), async (given, commands) => {
      const { got, expected } = await round(given, commands);
      expect(got).toEqual(expected);
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

/** The text that a connector sends for an argument: a number as it is spelled. */
const sent = (value: Argument): unknown => {
  if (typeof value === 'number') return { source: Object.is(value, -0) ? '-0' : String(value) };
  return value instanceof RawJson ? { source: value.source } : value;
};
const plain = (args: Arguments): unknown =>
  Object.fromEntries(Object.entries(args).map(([name, value]) => [name, sent(value)]));

test('two keys are equal exactly if the arguments are, in any order', () => {
  fc.assert(
    fc.property(argumentsGiven, argumentsGiven, (left, right) => {
      expect(argumentsKey(left) === argumentsKey(right)).toBe(isDeepStrictEqual(plain(left), plain(right)));
      expect(argumentsKey(Object.fromEntries(Object.entries(left).toReversed()))).toBe(argumentsKey(left));
    }),
    { numRuns: 3000 },
  );
});
