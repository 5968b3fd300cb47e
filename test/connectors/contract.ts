import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../src/core/call/cancellation.ts';
import { RecordError } from '../../src/core/errors.ts';
import { Answer, RawJson, type Arguments, type LookupService } from '../../src/lookup/lookup.ts';
import { oneOfMany } from '../../src/lookup/one-of-many.ts';
import type { Connector } from '../../src/connectors/connector.ts';
import type { Heard } from './http/far-end.ts';

export interface ContractCase {
  readonly connector: Connector;
  readonly heard: Heard;
}

/** The contract of every connector. `open` opens one that has the argument `iata` and one key, SFO, whose answer is `json`. */
export function connectorContract(name: string, open: () => Promise<ContractCase>, json: string): void {
  const known: Arguments = { iata: 'SFO' };

  describe(`${name}, as every connector,`, () => {
    test('answers with JSON source on one line, and counts the call', async () => {
      const opened = await open();
      const answer = await ask(opened, known);
      expect(answer).toBeInstanceOf(Answer);
      expect(answer).toMatchObject({ json, source: 'call' });
      expect(opened.heard.outcomes).toEqual(['ok']);
    });

    test('answers a key that is not there with a miss', async () => {
      const opened = await open();
      expect((await ask(opened, { iata: 'no such' })).json).toBeUndefined();
      expect(opened.heard.outcomes).toEqual(['miss']);
    });

    test('describes a call without making it', async () => {
      const opened = await open();
      expect(JSON.stringify(opened.connector.describe(known))).toContain('SFO');
      expect(opened.heard.outcomes).toEqual([]);
    });

    test('answers many at the same time', async () => {
      const opened = await open();
      const answers = await Promise.all(Array.from({ length: 200 }, () => ask(opened, known)));
      expect(answers.every((answer) => answer.json === json)).toBe(true);
    });
  });
}

/** The further contract of a connector whose options name its arguments. */
export function argumentsContract(name: string, open: () => Promise<ContractCase>): void {
  describe(`${name}, which names its arguments,`, () => {
    test.each([
      ['missing', {}],
      ['an object', { iata: new RawJson('{"a":1}') }],
      ['an array', { iata: new RawJson('[1]') }],
    ])('refuses an argument that is %s, naming it and the lookup', async (_, args: Arguments) => {
      const opened = await open();
      await expect(ask(opened, args)).rejects.toThrow(RecordError);
      await expect(ask(opened, args)).rejects.toMatchObject({
        code: 'missing_argument',
        message: expect.stringContaining('"iata"'),
        details: { lookup: 'airport' },
      });
      expect(() => opened.connector.describe(args)).toThrow(RecordError);
    });
  });
}

/** The further contract of a connector that takes many requests in one call. */
export function manyContract(
  name: string,
  open: () => Promise<ContractCase>,
  json: string,
  /** The calls that are counted for four requests, one of which is refused. */
  counted: readonly string[] = ['ok', 'miss', 'ok'],
): void {
  const [known, absent, refused] = [{ iata: 'SFO' }, { iata: 'no such' }, {}];

  describe(`${name}, which takes many requests in one call,`, () => {
    test('answers by place: a row, a miss, a failure that fails no other request, and the row again', async () => {
      const { connector, heard } = await open();
      const replies = await connector.callMany?.([known, absent, refused, known], new Cancellation());
      expect(replies).toHaveLength(4);
      expect(replies).toMatchObject([{ json }, { json: undefined }, { code: 'missing_argument' }, { json }]);
      expect(replies?.map((reply) => reply instanceof Answer)).toEqual([true, true, false, true]);
      expect(replies?.[2]).toBeInstanceOf(RecordError);
      expect(heard.outcomes).toEqual(counted);
    });

    test('answers an empty list with an empty list', async () => {
      const { connector } = await open();
      expect(await connector.callMany?.([], new Cancellation())).toEqual([]);
    });

    test('answers one request of many as a call of one', async () => {
      const { connector } = await open();
      if (connector.callMany === undefined) throw new Error('it has no callMany');
      const one = oneOfMany(connector.callMany);
      for (const args of [known, absent, refused])
        expect(await outcomeOf(one, args)).toEqual(await outcomeOf(connector.call, args));
    });
  });
}

async function outcomeOf(call: LookupService, args: Arguments): Promise<Answer | RecordError> {
  try {
    return await call(args, new Cancellation());
  } catch (error) {
    return RecordError.from(error);
  }
}

async function ask({ connector }: ContractCase, args: Arguments): Promise<Answer> {
  return connector.call(args, new Cancellation());
}
