import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../src/core/call-context.ts';
import { RecordError } from '../../src/core/errors.ts';
import { virtualClock } from '../../src/core/virtual-clock.ts';
import { RawJson, type Answer } from '../../src/lookup/lookup.ts';
import { timeout } from '../../src/lookup/timeout.ts';
import { moduleOf, openModule } from './user-module.ts';

const echo = 'export default async (args) => [args];';

/** What a module has noted. */
const noted = (): unknown => Reflect.get(globalThis, 'noted');

/** The outcome of a call that is given 10 ms. */
async function timedOut(source: string): Promise<Answer | RecordError> {
  const clock = virtualClock();
  const { connector } = await openModule(source);
  const { onTimeout } = connector;
  const service = timeout({ timeoutMs: 10, clock, onTimeout })((args, context) => connector.call(args, context));
  const outcome = Promise.resolve(service({ n: 1 }, new Cancellation())).catch((error: unknown) =>
    RecordError.from(error),
  );
  await clock.advance(10);
  return outcome;
}

describe('the arguments of a function', () => {
  test('are values, the source of an object or a large number parsed', async () => {
    const { ask } = await openModule(echo);
    const args = { s: 'a', n: 1, b: true, o: new RawJson('{"x":[1]}'), big: new RawJson('1e3') };
    expect(await ask(args)).toMatchObject({ json: '{"s":"a","n":1,"b":true,"o":{"x":[1]},"big":1000}' });
  });

  test('are its own: what it does to them is seen by no other call', async () => {
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
    expect(await ask({}, new Cancellation(5000, 2))).toMatchObject({
      json: '{"attempt":2,"deadline":5000,"aborted":false}',
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
    ['a function as a value', '[() => 1]', /gave a function as a value/],
    ['undefined as a value', '[undefined]', /gave undefined as a value/],
    ['a BigInt as a value', '[1n]', /no JSON: .*BigInt/],
    ['a circle', '(() => { const a = []; a.push(a); return [a]; })()', /no JSON: .*circular/],
  ])('are `invalid_result` where they are %s', async (_, values, message) => {
    for (const kind of ['', 'async ']) {
      const { ask, heard } = await openModule(`export default ${kind}() => ${values};`);
      expect(await ask()).toMatchObject({
        code: 'invalid_result',
        message: expect.stringMatching(message),
        details: { lookup: 'airport' },
      });
      expect(heard.outcomes).toHaveLength(1);
    }
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

  test('does not follow its first completion', async () => {
    const { ask, heard } = await openModule(
      'export default { asyncInvoke(_, r) { r.complete([1]); r.complete([2]); r.completeExceptionally(new Error("late")); throw new Error("later"); } };',
    );
    expect(await ask()).toMatchObject({ json: '1' });
    expect(heard.outcomes).toEqual(['ok']);
  });

  test('by cancellation ends the call, aborts its signal, and ignores what comes late', async () => {
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

  test('may say which error it is', async () => {
    expect(await timedOut(`export default { ${never}, timeout() { throw new Error("too slow"); } };`)).toMatchObject({
      code: 'function_error',
      message: 'too slow',
    });
  });

  test.each([
    ['there is none', `export default { ${never} };`],
    ['it says nothing', `export default { ${never}, timeout() {} };`],
    ['it says nothing in the end', `export default { ${never}, async timeout() {} };`],
  ])('leaves `timeout` where %s', async (_, source) => {
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

  test('is so once, before the first call and after the last, and told where it runs', async () => {
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

  test('is closed as well where it could not be opened, and the failure says why', async () => {
    const { connector } = await moduleOf(`
      export default { open() { throw new Error('no table'); }, asyncInvoke() {}, close() { globalThis.noted = 'closed'; } };`);
    await expect(connector.open()).rejects.toThrow('lookup "airport": module lookup.mjs: open failed: no table');
    expect(noted()).toBe('closed');
  });

  test.each(['getState', 'getAccumulator', 'getBroadcastVariable', 'getDistributedCache'])(
    'is refused %s, with the reason',
    async (method) => {
      const { connector } = await moduleOf(
        `export default { open(runtime) { runtime.${method}(); }, asyncInvoke() {} };`,
      );
      await expect(connector.open()).rejects.toThrow(`open failed: ${method} is not there`);
      await expect(connector.open()).rejects.toMatchObject({ cause: { cause: { name: 'UnsupportedOperationError' } } });
    },
  );
});

describe('a module that can not be used says so before the first call:', () => {
  test.each([
    ['no file', undefined, /there is no such file/],
    ['a syntax error', 'export default (;', /can not be loaded: .*/],
    ['a throw', 'throw new Error("no licence");', /can not be loaded: Error: no licence/],
    ['an import that is not there', 'import "./nowhere.mjs"; export default () => [];', /can not be loaded: .*nowhere/],
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
