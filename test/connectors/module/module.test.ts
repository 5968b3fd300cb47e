import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { RawJson, type Answer } from '../../../src/lookup/lookup.ts';
import { timeout } from '../../../src/lookup/timeout.ts';
import { moduleOf, openModule } from './user-module.ts';

const echo = 'export default async (args) => [args];';

/** The notes of a module. */
const noted = (): unknown => Reflect.get(globalThis, 'noted');

/** The outcome of a call that has 10 ms, and its hook as long again. */
async function timedOut(source: string, afterMs = 10): Promise<Answer | RecordError> {
  const clock = virtualClock();
  const { connector } = await openModule(source, { clock });
  const { onTimeout } = connector;
  const service = timeout({ timeoutMs: 10, clock, onTimeout })((args, context) => connector.call(args, context));
  const outcome = Promise.resolve(service({ n: 1 }, new Cancellation())).catch((error: unknown) =>
    RecordError.from(error),
  );
  Reflect.set(globalThis, 'later', (fire: () => void) => clock.setTimer(5, fire));
  await clock.advance(afterMs);
  return outcome;
}

const raw = (sources: Record<string, string>): Record<string, RawJson> =>
  Object.fromEntries(Object.entries(sources).map(([name, source]) => [name, new RawJson(source)]));

describe('the arguments of a function', () => {
  test('are values, the source of an object or a large number parsed', async () => {
    const { ask } = await openModule(echo);
    const args = { s: 'a', n: 1, b: true, o: new RawJson('{"x":[1]}'), big: new RawJson('1e3') };
    expect(await ask(args)).toMatchObject({ json: '{"s":"a","n":1,"b":true,"o":{"x":[1]},"big":1000}' });
  });

  test('are numbers if JavaScript has them, in any spelling; else text with all digits', async () => {
    const { ask } = await openModule(echo);
    const numbers = { price: '1.10', thousand: '1e3', whole: '2.0', small: '-0.5', tenth: '0.10000000000000001' };
    const texts = { id: '12345678901234567891', next: '9007199254740993', huge: '1e400', least: '-1e400' };
    expect(await ask(raw(numbers))).toMatchObject({
      json: '{"price":1.1,"thousand":1000,"whole":2,"small":-0.5,"tenth":0.1}',
    });
    expect(await ask(raw(texts))).toMatchObject({ json: JSON.stringify(texts) });
    const inside = String.raw`{"12345678901234567891":[12345678901234567891,1.0],"t":"12345678901234567891\\","x":{"y":1e400}}`;
    expect(await ask({ o: new RawJson(inside) })).toMatchObject({
      json: String.raw`{"o":{"12345678901234567891":["12345678901234567891",1],"t":"12345678901234567891\\","x":{"y":"1e400"}}}`,
    });
  });

  test('belong to one call: no other call has a change that it makes', async () => {
    const { ask } = await openModule(
      'export default (args) => { const seen = [{ ...args }]; args.n++; args.o.x = 2; return seen; };',
    );
    const args = { n: 1, o: new RawJson('{"x":1}') };
    for (let call = 0; call < 2; call++) expect(await ask(args)).toMatchObject({ json: '{"n":1,"o":{"x":2}}' });
  });

  test('come with the number of the call, its deadline, and a signal', async () => {
    const { ask } = await openModule(
      'export default async (_, { attempt, deadline, signal }) => [{ attempt, deadline, aborted: signal.aborted }];',
    );
    expect(await ask({}, new Cancellation(5_000_000, 2))).toMatchObject({
      json: '{"attempt":2,"deadline":5000000,"aborted":false}',
    });
  });
});

describe('the values of a function', () => {
  test.each([
    ['none', '[]', undefined, 'miss'],
    ['one', '[{ a: 1 }]', '{"a":1}', 'ok'],
    ['one that is null', '[null]', 'null', 'ok'],
    ['one that is an array', '[[1, 2]]', '[1,2]', 'ok'],
    ['several', '[{ a: 1 }, 2]', '[{"a":1},2]', 'ok'],
    ['those of a Set', 'new Set(["x"])', '"x"', 'ok'],
    ['those of a generator', '(function* () { yield 1; yield 2; })()', '[1,2]', 'ok'],
  ])('make the answer: %s', async (_, values, json, outcome) => {
    const { ask, heard } = await openModule(`export default async () => ${values};`);
    expect(((await ask()) as Answer).json).toBe(json);
    expect(heard.outcomes).toEqual([outcome]);
  });

  test.each([
    ['null', 'null', /gave null/],
    ['nothing', 'undefined', /gave undefined/],
    ['an object that is no collection', '({ a: 1 })', /gave an object.*\[value\]/],
    ['a string', '"SFO"', /gave a string/],
    ['a number', '7', /gave a number/],
    ['an async generator', '(async function* () { yield 1; })()', /gave an object/],
  ])('are `invalid_result` if they are no collection: %s', async (_, values, message) => {
    for (const kind of ['', 'async ']) {
      const { ask, heard } = await openModule(`export default ${kind}() => ${values};`);
      const details = { lookup: 'airport' };
      expect(await ask()).toMatchObject({ code: 'invalid_result', message: expect.stringMatching(message), details });
      expect(heard.outcomes).toHaveLength(1);
    }
  });

  test.each([
    ['a function', '() => 1', /gave a function as value 1/],
    ['undefined', 'undefined', /gave undefined as value 1/],
    ['a symbol', 'Symbol("s")', /gave a symbol as value 1/],
    ['a BigInt', '1n', /gave a BigInt as value 1 .*rawJSON/],
    ['NaN', '{ a: [0, { b: NaN }] }', /gave NaN at \/a\/1\/b of value 1/],
    ['Infinity', '{ "x/y": -Infinity }', /gave -Infinity at \/x~1y of value 1/],
    ['undefined in an array', '{ a: [undefined] }', /gave undefined at \/a\/0/],
    ['a hole', '{ a: [1, , 3] }', /gave a hole in an array at \/a\/1/],
    ['a long array without elements', 'new Array(4294967295)', /a hole in an array at \/0/],
    ['a function as a member', '{ f() {} }', /gave a function at \/f/],
    ['a symbol as a member', '{ s: Symbol() }', /gave a symbol at \/s/],
    ['a Map', '{ m: new Map([["a", 1]]) }', /gave an object of class Map at \/m/],
    ['a Set', 'new Set()', /an object of class Set as value 1/],
    ['a Map with members', 'Object.assign(new Map(), { a: 1 })', /class Map/],
    ['a regular expression', '{ r: /x/ }', /class RegExp at \/r/],
    ['a promise', '{ p: Promise.resolve(1) }', /class Promise at \/p/],
    ['an error', '{ e: Object.assign(new TypeError("x"), { code: 1 }) }', /class TypeError at \/e/],
    ['a typed array', '{ t: new Float64Array(2) }', /class Float64Array at \/t/],
    ['an ArrayBuffer', 'new ArrayBuffer(2)', /class ArrayBuffer/],
    ['a number object', '{ n: new Number(NaN) }', /class Number at \/n/],
    ['an object that hides its content', '{ h: new Headers({ a: "b" }) }', /class Headers at \/h/],
    ['a WeakRef', 'new WeakRef({})', /class WeakRef/],
    ['a generator', '{ g: (function* () {})() }', /of a class|class/],
    ['an invalid Date', '{ d: new Date("x") }', /an invalid Date at \/d/],
    ['a toJSON that gives NaN', '{ t: { toJSON: () => NaN } }', /gave NaN at \/t/],
    ['a toJSON that throws', '{ t: { toJSON() { throw new Error("no JSON") } } }', /cannot be read at \/t .*no JSON/],
    ['a getter that throws', '{ get g() { throw null } }', /cannot be read at \/g .*null/],
    ['a revoked Proxy', '(() => { const r = Proxy.revocable({}, {}); r.revoke(); return r.proxy; })()', /revoked/],
    ['a Proxy whose traps throw', 'new Proxy({}, { ownKeys() { throw new Error("trap") } })', /trap/],
    ['a circle', '(() => { const a = []; a.push(a); return a; })()', /holds itself at \/0/],
    ['a circle of two', '(() => { const a = { b: {} }; a.b.a = a; return a; })()', /holds itself at \/b\/a/],
    [
      'an endless depth',
      '(() => { const deep = () => ({ get d() { return deep(); } }); return deep(); })()',
      /1000 levels/,
    ],
  ])('are `invalid_result` with the place of what JSON cannot carry: %s', async (_, value, message) => {
    const { ask } = await openModule(`export default async () => [${value}];`);
    expect(await ask()).toMatchObject({ code: 'invalid_result', message: expect.stringMatching(message) });
  });

  test('are counted: an error has the number of the invalid value', async () => {
    const { ask } = await openModule('export default async () => [1, { a: 2 }, { a: NaN }];');
    expect(await ask()).toMatchObject({
      code: 'invalid_result',
      message: 'the function gave NaN at /a of value 3 of its result: JSON has no such number; give null instead',
    });
  });

  test.each([
    ['a member that is undefined, left out', '{ a: 1, b: undefined }', '{"a":1}'],
    ['a toJSON that gives undefined, left out', '{ a: 1, b: { toJSON() {} } }', '{"a":1}'],
    ['a member whose name is a symbol, left out', '{ [Symbol("s")]: 1, a: 2 }', '{"a":2}'],
    ['a member that is not enumerable, left out', 'Object.defineProperty({ a: 1 }, "b", { value: 2 })', '{"a":1}'],
    ['-0 as 0', '[-0]', '[0]'],
    ['a Date as ISO 8601', '{ at: new Date(0) }', '{"at":"1970-01-01T00:00:00.000Z"}'],
    ['a URL as its text', 'new URL("http://a.example/b")', '"http://a.example/b"'],
    ['a Buffer as Node writes it', 'Buffer.from("a")', '{"type":"Buffer","data":[97]}'],
    ['an instance of a class as its members', 'new (class Depot { id = 7; near() {} })()', '{"id":7}'],
    ['an object without a prototype', 'Object.assign(Object.create(null), { a: 1 })', '{"a":1}'],
    ['an object of another realm', '(await import("node:vm")).runInNewContext("({ a: [{}] })")', '{"a":[{}]}'],
    ['a module', 'await import("data:text/javascript,export const a = 1")', '{"a":1}'],
    ['a Proxy', 'new Proxy({ a: [1] }, {})', '{"a":[1]}'],
    ['a getter', '{ get a() { return 1; } }', '{"a":1}'],
    ['a member named __proto__', 'JSON.parse("{\\"__proto__\\":{\\"a\\":1}}")', '{"__proto__":{"a":1}}'],
    ['a number with all its digits', '{ n: JSON.rawJSON("12345678901234567890") }', '{"n":12345678901234567890}'],
    ['the same object twice', '(() => { const a = { b: 1 }; return [a, a]; })()', '[{"b":1},{"b":1}]'],
    ['large numbers and texts', '[1e300, 5e-324, "\\u2028 \\ud800 \\n"]', '[1e+300,5e-324,"\u2028 \\ud800 \\n"]'],
    ['40 levels', 'JSON.parse("[".repeat(40) + "]".repeat(40))', '['.repeat(40) + ']'.repeat(40)],
  ])('are written as JSON.stringify does: %s', async (_, value, json) => {
    const { ask } = await openModule(`export default async () => [${value}];`);
    expect(await ask()).toMatchObject({ json });
  });

  test.each([
    ['an iterator without an end', '(function* () { for (;;) yield 1; })()'],
    ['an iterator without an end of empty arrays', '(function* () { for (;;) yield []; })()'],
    ['a long text', '["x".repeat(2 ** 20)]'],
    ['long texts in what is no plain object', '[new (class { a = "x".repeat(2 ** 20) })()]'],
    ['letters of two bytes', '["é".repeat(2 ** 19)]'],
    ['one object very often', '(() => { let a = "x"; for (let n = 0; n < 24; n++) a = [a, a]; return [a]; })()'],
    [
      'an array without an end',
      '[new Proxy([], { get: (_, k) => (k === "length" ? Infinity : k === "toJSON" ? undefined : 1) })]',
    ],
  ])('are `response_too_large` beyond maxResponseBytes: %s', async (_, values) => {
    const { ask } = await openModule(`export default async () => ${values};`);
    expect(await ask()).toMatchObject({
      code: 'response_too_large',
      message: 'the result of the function is larger than 1048576 bytes (maxResponseBytes)',
    });
  });

  test('may be as large as maxResponseBytes', async () => {
    const { ask } = await openModule('export default ({ n }) => ["x".repeat(n)];', { maxResponseBytes: '2MiB' });
    expect(await ask({ n: 2 ** 21 - 3 })).toMatchObject({ json: expect.stringMatching(/^"x+"$/) });
    expect(await ask({ n: 2 ** 21 - 2 })).toMatchObject({ code: 'response_too_large' });
  });
});

describe('a failure of a function', () => {
  test.each([
    ['a throw', 'export default () => { throw new Error("no row"); };'],
    ['a rejection', 'export default async () => { throw new Error("no row"); };'],
    ['a throw of asyncInvoke', 'export default { asyncInvoke() { throw new Error("no row"); } };'],
    ['a rejection of asyncInvoke', 'export default { async asyncInvoke() { throw new Error("no row"); } };'],
    [
      'completeExceptionally',
      'export default { asyncInvoke: (_, r) => r.completeExceptionally(new Error("no row")) };',
    ],
    [
      'a throw of a supplier',
      'export default { asyncInvoke: (_, r) => r.complete(() => { throw new Error("no row"); }) };',
    ],
    ['a throw of an iterator', 'export default () => (function* () { throw new Error("no row"); })();'],
  ])('by %s is `function_error` of that record, with its message', async (_, source) => {
    const { ask } = await openModule(source);
    expect(await ask()).toMatchObject({ code: 'function_error', message: 'no row', details: { lookup: 'airport' } });
    expect(await ask()).toMatchObject({ code: 'function_error' });
  });

  test.each([
    ['null', 'null', 'null'],
    ['undefined', 'undefined', 'undefined'],
    ['an object whose toString throws', '{ toString() { throw new Error("x"); } }', undefined],
    [
      'an error whose message throws',
      'Object.defineProperty(new Error(), "message", { get() { throw 1; } })',
      undefined,
    ],
    [
      'a Proxy whose traps throw',
      'new Proxy(new Error("x"), { get() { throw 1; }, getPrototypeOf() { throw 2; } })',
      undefined,
    ],
    [
      'a revoked Proxy',
      '(() => { const r = Proxy.revocable(new Error(), {}); r.revoke(); return r.proxy; })()',
      undefined,
    ],
    ['an error with a circular cause', '(() => { const e = new Error("round"); e.cause = e; return e; })()', 'round'],
  ])(
    'is `function_error` whatever is thrown: %s',
    async (_, value, message = 'a value that cannot be described was thrown') => {
      for (const source of [
        `export default () => { throw ${value}; };`,
        `export default async () => { throw ${value}; };`,
        `export default { asyncInvoke(_, r) { r.completeExceptionally(${value}); } };`,
        `export default { async asyncInvoke() { await null; throw ${value}; } };`,
        `export default () => ({ then(_, reject) { reject(${value}); } });`,
      ]) {
        const { ask } = await openModule(source);
        expect(await ask()).toMatchObject({ code: 'function_error', message });
      }
    },
  );

  test.each([
    ['a `then` that throws', '({ then() { throw new Error("then"); } })', /^then$/],
    ['a `then` whose getter throws', '({ get then() { throw new Error("then"); } })', /^then$/],
    ['a revoked Proxy', '(() => { const r = Proxy.revocable({}, {}); r.revoke(); return r.proxy; })()', /revoked/],
    ['an iterator that is none', '({ [Symbol.iterator]: 7 })', /./],
    [
      'an iterator whose next throws',
      '({ [Symbol.iterator]: () => ({ next() { throw new Error("next"); } }) })',
      /^next$/,
    ],
    ['a Proxy of an array whose traps throw', 'new Proxy([1], { get() { throw new Error("trap"); } })', /^trap$/],
  ])('is `function_error` by what it returned: %s', async (_, value, message) => {
    for (const kind of ['', 'async ']) {
      const { ask } = await openModule(`export default ${kind}() => ${value};`);
      expect(await ask()).toMatchObject({ code: 'function_error', message: expect.stringMatching(message) });
    }
  });

  test('is of its record, also if the promise was rejected long before it was awaited', async () => {
    const { ask } = await openModule(`
      const fails = async () => { throw new Error('early'); };
      export default async () => { const u = fails(); u.catch(() => {}); await null; await null; return [await u]; };`);
    expect(await ask()).toMatchObject({ code: 'function_error', message: 'early' });
  });

  test('does not follow its first completion', async () => {
    const { ask, heard } = await openModule(
      'export default { asyncInvoke(_, r) { r.complete([1]); r.complete([2]); r.completeExceptionally(new Error("late")); throw new Error("later"); } };',
    );
    expect(await ask()).toMatchObject({ json: '1' });
    expect(heard.outcomes).toEqual(['ok']);
  });

  test('by cancellation ends the call, aborts its signal, and ignores later completions', async () => {
    const { ask, heard } = await openModule(
      'export default (_, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve([1])));',
    );
    const context = new Cancellation();
    const outcome = ask({}, context);
    context.cancel('gone');
    expect(await outcome).toMatchObject({ code: 'cancelled', cause: 'gone' });
    expect(heard.outcomes).toEqual(['cancelled']);
  });
});

describe('the hook for the time of a call', () => {
  const never = 'asyncInvoke() {}';

  test('decides the outcome, and knows the arguments', async () => {
    expect(
      await timedOut(`export default { ${never}, timeout: ({ n }, r) => r.complete([{ n, late: true }]) };`),
    ).toMatchObject({
      json: '{"n":1,"late":true}',
    });
    expect(
      await timedOut(`export default { ${never}, async timeout(_, r) { await null; r.complete([]); } };`),
    ).toMatchObject({
      json: undefined,
    });
  });

  test('may fail with an error of its own', async () => {
    expect(await timedOut(`export default { ${never}, timeout() { throw new Error("too slow"); } };`)).toMatchObject({
      code: 'function_error',
      message: 'too slow',
    });
  });

  test.each([
    [10, 'there is none', `export default { ${never} };`],
    [20, 'it completes nothing', `export default { ${never}, timeout() {} };`],
    [20, 'its promise completes nothing', `export default { ${never}, async timeout() {} };`],
    [20, 'its promise is pending', `export default { ${never}, timeout: () => new Promise(() => {}) };`],
    [
      20,
      'the one of an async function never answers',
      'export default Object.assign(() => new Promise(() => {}), { timeout: () => new Promise(() => {}) });',
    ],
  ])('after %i ms leaves `timeout` if %s', async (afterMs, _, source) => {
    expect(await timedOut(source, afterMs)).toMatchObject({ code: 'timeout' });
  });

  test.each([
    ['its ResultFuture', `export default { ${never}, timeout(_, r) { later(() => r.complete([7])); } };`],
    [
      'its ResultFuture, when its promise has settled',
      `export default { ${never}, async timeout(_, r) { later(() => r.complete([7])); } };`,
    ],
    [
      'the promise of an async function',
      'export default Object.assign(() => new Promise(() => {}), { timeout: () => new Promise((done) => later(() => done([7]))) });',
    ],
  ])('answers later by %s', async (_, source) => {
    expect(await timedOut(source, 15)).toMatchObject({ json: '7' });
  });

  test('has the end of its own time: its deadline, and its signal', async () => {
    const source = `export default { ${never}, timeout(_, r, { deadline, signal }) {
      signal.addEventListener('abort', () => { globalThis.noted = [deadline, signal.reason.code]; });
    } };`;
    expect(await timedOut(source, 20)).toMatchObject({ code: 'timeout' });
    expect(noted()).toEqual([20, 'timeout']);
  });

  test('of a RichAsyncFunction without `timeout` is the error `timeout` at once', async () => {
    const index = pathToFileURL('src/index.ts').href;
    const source = `import { RichAsyncFunction } from ${JSON.stringify(index)};
      export default class extends RichAsyncFunction { ${never} }`;
    expect(await timedOut(source)).toMatchObject({ code: 'timeout' });
  });
});

describe('a function that is opened and closed', () => {
  const noting = `
    globalThis.noted = [];
    const note = (what) => globalThis.noted.push(what);
    export default class {
      constructor() { note('new'); }
      async open(runtime) { await null; note('open'); this.runtime = runtime; }
      asyncInvoke(_, result) { const { taskName, subtaskIndex, parallelism, attemptNumber, parameters } = this.runtime;
        result.complete([{ taskName, subtaskIndex, parallelism, attemptNumber, parameters }]); }
      async close() { await null; note('close'); }
    }`;

  test('is done once, before the first call and after the last, with its runtime context', async () => {
    const { connector, ask } = await moduleOf(noting, { parameters: { radiusKm: 5 } });
    await connector.open();
    for (let call = 0; call < 3; call++) {
      expect(await ask()).toMatchObject({
        json: '{"taskName":"airport","subtaskIndex":0,"parallelism":1,"attemptNumber":0,"parameters":{"radiusKm":5}}',
      });
    }
    expect(noted()).toEqual(['new', 'open']);
    await connector.close();
    await connector.close();
    expect(noted()).toEqual(['new', 'open', 'close']);
  });

  test('is closed as well if it could not be opened, and the failure says why', async () => {
    const { connector } = await moduleOf(`
      export default { open() { throw new Error('no table'); }, asyncInvoke() {}, close() { globalThis.noted = 'closed'; } };`);
    await expect(connector.open()).rejects.toThrow('lookup "airport": module lookup.mjs: open failed: no table');
    expect(noted()).toBe('closed');
  });

  test('names the lookup if it fails to close, whatever it throws', async () => {
    const { connector } = await moduleOf(
      'export default { asyncInvoke() {}, close() { throw new Proxy({}, { get() { throw new Error("trap"); } }); } };',
    );
    await connector.open();
    await expect(connector.close()).rejects.toThrow(
      'lookup "airport": module lookup.mjs: close failed: a value that cannot be described was thrown',
    );
  });

  test.each(['getState', 'getAccumulator', 'getBroadcastVariable', 'getDistributedCache'])(
    'is refused %s, with the reason',
    async (method) => {
      const { connector } = await moduleOf(
        `export default { open(runtime) { runtime.${method}(); }, asyncInvoke() {} };`,
      );
      await expect(connector.open()).rejects.toThrow(`open failed: ${method} cannot be used`);
      await expect(connector.open()).rejects.toMatchObject({ cause: { cause: { name: 'UnsupportedOperationError' } } });
    },
  );
});

describe('a module that cannot be used says so before the first call:', () => {
  test.each([
    ['no file', undefined, /there is no such file/],
    ['a syntax error', 'export default (;', /cannot be loaded: .*/],
    ['a throw', 'throw new Error("no licence");', /cannot be loaded: Error: no licence/],
    ['an import that is not there', 'import "./nowhere.mjs"; export default () => [];', /cannot be loaded: .*nowhere/],
    ['no export', 'const lookup = () => [];', /it exports nothing/],
    ['no such export', 'export const find = () => [];', /it exports find/],
    ['an export that is no function', 'export default 7;', /export default is a number/],
    ['an object of another shape', 'export default { invoke() {} };', /an object without asyncInvoke/],
  ])('%s', async (_, source, message) => {
    const { connector } = await moduleOf(source);
    await expect(connector.open()).rejects.toThrow(message);
    await expect(connector.open()).rejects.toThrow(/^lookup "airport": module lookup\.mjs: /);
    await connector.close();
  });
});

test('a module may be TypeScript', async () => {
  const { ask } = await openModule('export default async ({ n }: { n: number }): Promise<number[]> => [n * 2];', {
    file: 'double.ts',
  });
  expect(await ask({ n: 21 })).toMatchObject({ json: '42' });
});

test('a call for which less than a millisecond is left is not made, and is not counted', async () => {
  const clock = virtualClock(1000);
  const { ask, heard } = await openModule(echo, { clock });
  expect(await ask({}, new Cancellation(1000.9))).toMatchObject({ code: 'timeout', details: { attempts: 0 } });
  expect(heard.outcomes).toEqual([]);
  expect(await ask({}, new Cancellation(1001))).toMatchObject({ json: '{}' });
});
