import { describe, expect, onTestFinished, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { moduleOf, type OpenModule } from './user-module.ts';

const many = { batched: true };

async function opened(source: string): Promise<OpenModule> {
  const made = await moduleOf(source, many);
  await made.connector.open();
  onTestFinished(() => made.connector.close());
  return made;
}

async function replies(source: string, count: number): Promise<unknown> {
  const { connector } = await opened(source);
  const requests = Array.from({ length: count }, (_, index) => ({ n: index }));
  return connector.callMany?.(requests, new Cancellation());
}

describe('a module with lookupMany', () => {
  test('gives one result for each of the arguments: a value, several, none or an Error', async () => {
    const source = `export async function lookupMany(all, { signal }) {
      if (signal.aborted) throw new Error('aborted');
      return all.map(({ n }) => [[n], [n, n], [], new RangeError('not this one')][n]);
    }`;
    expect(await replies(source, 4)).toMatchObject([
      { json: '0' },
      { json: '[1,1]' },
      { json: undefined },
      { code: 'function_error', message: 'not this one', details: { lookup: 'airport' } },
    ]);
  });

  test('has a failure of its own for a result that is no collection', async () => {
    expect(await replies('export const lookupMany = () => [[1], 2, [undefined]];', 3)).toMatchObject([
      { json: '1' },
      { code: 'invalid_result', message: expect.stringContaining('a number') },
      { code: 'invalid_result' },
    ]);
  });

  test.each([
    ['fewer', '[[1]]', 'lookupMany gave 1 results for 2 arguments'],
    ['more', '[[1], [2], [3]]', 'lookupMany gave more results for 2 arguments'],
    ['endless', '(function* () { for (;;) yield [1]; })()', 'lookupMany gave more results'],
    ['no', 'undefined', 'the function gave undefined'],
  ])('fails the batch with invalid_result if there are %s results', async (_, results, message) => {
    await expect(replies(`export const lookupMany = async () => ${results};`, 2)).rejects.toMatchObject({
      code: 'invalid_result',
      message: expect.stringContaining(message),
      details: { lookup: 'airport' },
    });
  });

  test('fails the batch with what it throws, and counts one call', async () => {
    const { connector, heard } = await opened(`export async function lookupMany() { throw new Error('down'); }`);
    await expect(connector.callMany?.([{ n: 1 }, { n: 2 }], new Cancellation())).rejects.toMatchObject({
      code: 'function_error',
      message: 'down',
    });
    expect(heard.outcomes).toEqual(['bad_status']);
  });

  test('is cancelled with the batch', async () => {
    const { connector } = await opened('export const lookupMany = () => new Promise(() => {});');
    const context = new Cancellation();
    const call = connector.callMany?.([{ n: 1 }], context);
    context.cancel('client gone');
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('is opened and closed by its default export', async () => {
    const source = `let open = 0;
      export default { open() { open = 1; }, asyncInvoke() {} };
      export const lookupMany = (all) => all.map(() => [open]);`;
    expect(await replies(source, 2)).toMatchObject([{ json: '1' }, { json: '1' }]);
  });

  test('is required by a batch, and named by the message without one', async () => {
    const one = await moduleOf('export default () => [];', many);
    await expect(one.connector.open()).rejects.toThrow(
      'expected an export lookupMany that is an async function, because the lookup has a batch; it exports default',
    );
    const alone = await moduleOf('export const lookupMany = () => [];');
    await expect(alone.connector.open()).rejects.toThrow('lookupMany is called if the lookup has a batch');
  });
});
