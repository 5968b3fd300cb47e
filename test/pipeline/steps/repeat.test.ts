import { describe, expect, test } from 'vitest';
import { RecordError } from '../../../src/core/errors.ts';
import { retry, plainRules } from '../../../src/lookup/retry/retry.ts';
import { Answer, type Arguments, stack } from '../../../src/lookup/lookup.ts';
import { timeout } from '../../../src/lookup/timeout.ts';
import { linesOf, pipelineOf, Run, ScriptedLookup, settled, step } from '../harness.ts';

/** ORD is in Chicago, Chicago in Illinois, and so on up to a place without a parent. */
const parents: Readonly<Record<string, string>> = { ORD: 'Chicago', Chicago: 'Illinois', Illinois: 'USA' };

const parentOf = (args: Arguments): Answer => {
  const { key } = args;
  if (typeof key !== 'string') throw new TypeError('a key is a string here');
  if (key === 'nowhere') return new Answer(undefined);
  return new Answer(JSON.stringify({ name: key, ...(parents[key] !== undefined && { parent: parents[key] }) }));
};

function hierarchy(max: number, options = {}) {
  const far = new ScriptedLookup('far', parentOf);
  const climb = step('far', '/place/parent', '/place', { repeat: { until: '!has(answer.parent)', max } });
  return { far, ...pipelineOf([far], [climb], options) };
}

const input = (parent: string): string => `{"id":1, "place":{"parent":"${parent}"}}\n`;

describe('a step that repeats', () => {
  test('puts each answer into the record and reads the next arguments there, until the expression holds', async () => {
    const { pipeline } = hierarchy(10);
    expect(await linesOf(pipeline, input('ORD'))).toEqual(['{"id":1, "place":{"name":"USA"}}']);
    expect(await linesOf(pipeline, input('USA'))).toEqual(['{"id":1, "place":{"name":"USA"}}']);
  });

  test('has its max counted in lookups, the first one with them', async () => {
    expect(await linesOf(hierarchy(4).pipeline, input('ORD'))).toEqual(['{"id":1, "place":{"name":"USA"}}']);
    const [line = ''] = await linesOf(hierarchy(3).pipeline, input('ORD'));
    expect(JSON.parse(line)).toEqual({
      id: 1,
      place: { parent: 'ORD' },
      _error: {
        code: 'invalid_result',
        message: 'until did not hold after 3 lookups (repeat.max)',
        lookup: 'far',
        attempts: 3,
        line: 1,
      },
    });
  });

  test('tells each call its superstep, from 1, through the layers of the lookup', async () => {
    const far = new ScriptedLookup('far');
    const clock = pipelineOf([far], [step('far', '/k', '/k')]).clock;
    const rules = { ...plainRules, canRetry: () => true, onResult: () => false, onError: () => true, delayMs: () => 0 };
    const layered = {
      name: 'far',
      immediate: false,
      runsUserCode: false,
      largestAnswerBytes: 0,
      call: stack(far.call, retry<Arguments, Answer>(rules, { clock }), timeout({ timeoutMs: 1000, clock })),
      describe: () => ({}),
      waitMs: () => 0,
      layers: [],
      close: async () => {},
    };
    const steps = [step('far', '/k', '/k', { repeat: { until: 'answer > 2', max: 5 } })];
    const run = new Run(pipelineOf([layered], steps).pipeline);
    run.push('{"k":0}\n');
    await settled();
    far.calls[0]?.fail(new RecordError('unreachable', 'once'));
    await settled();
    await clock.advance(1);
    await settled();
    for (const call of [1, 2, 3]) {
      far.calls[call]?.answer(String(call));
      await settled();
    }
    expect(far.calls.map(({ context, args }) => [args['key'], context.superstep, context.attempt])).toEqual([
      [0, 1, 1],
      [0, 1, 2],
      [1, 2, 1],
      [2, 3, 1],
    ]);
    expect(run.lines).toEqual(['{"k":3}']);
    expect(far.calls[0]?.context.superstep).toBe(1);
  });

  test('ends with a miss if the lookup has no answer', async () => {
    expect(await linesOf(hierarchy(5).pipeline, input('nowhere'))).toEqual(['{"id":1, "place":null}']);
    expect(await linesOf(hierarchy(5, { onMiss: 'drop' }).pipeline, input('nowhere'))).toEqual([]);
  });

  test('follows the pages of an answer', async () => {
    const far = new ScriptedLookup(
      'far',
      ({ key }) => new Answer(key === 3 ? '{"last":true}' : JSON.stringify({ next: Number(key) + 1 })),
    );
    const pages = step('far', '/page/next', '/page', { repeat: { until: 'has(answer.last)', max: 10 } });
    const { pipeline } = pipelineOf([far], [pages]);
    expect(await linesOf(pipeline, '{"page":{"next":1}}\n')).toEqual(['{"page":{"last":true}}']);
  });

  test('sees the record with the answer in it, and fails the record if the expression reads an absent member', async () => {
    const far = new ScriptedLookup('far', () => new Answer('{"n":5}'));
    const one = (until: string) =>
      pipelineOf([far], [step('far', '/id', '/got', { repeat: { until, max: 3 } })]).pipeline;
    expect(await linesOf(one('record.got.n == answer.n && record.id == 1.0'), '{"id":1}\n')).toEqual([
      '{"id":1,"got":{"n":5}}',
    ]);
    const [line = ''] = await linesOf(one('answer.missing > 1.0'), '{"id":1}\n');
    expect(JSON.parse(line)._error).toMatchObject({ code: 'expression_error', lookup: 'far' });
    expect(line).toContain('enrich[0].repeat.until, line 1, column 8');
  });

  test('makes no call if its `when` is false, and a step that reads its answer waits for the last answer', async () => {
    const far = new ScriptedLookup('far', parentOf);
    const climb = step('far', '/place/parent', '/place', {
      repeat: { until: '!has(answer.parent)', max: 9 },
      when: 'record.id == 1.0',
    });
    const { pipeline } = pipelineOf([far], [climb, step('far', '/place/name', '/root')]);
    expect(await linesOf(pipeline, input('ORD'))).toEqual(['{"id":1, "place":{"name":"USA"},"root":{"name":"USA"}}']);
    const skipped = '{"id":2,"place":{"name":"ORD","parent":"USA"}}';
    expect(await linesOf(pipeline, `${skipped}\n`)).toEqual([
      '{"id":2,"place":{"name":"ORD","parent":"USA"},"root":{"name":"ORD","parent":"Chicago"}}',
    ]);
  });

  test('has the fallback of onError if it does not end', async () => {
    const { pipeline } = hierarchy(2, { onError: { value: { name: 'unknown' } } });
    expect(await linesOf(pipeline, input('ORD'))).toEqual(['{"id":1, "place":{"name":"unknown"}}']);
  });

  test('is within the time of its record, and makes no call after that', async () => {
    const far = new ScriptedLookup('far');
    const steps = [step('far', '/k', '/k', { repeat: { until: 'answer == 0.0', max: 100 } })];
    const { pipeline, clock } = pipelineOf([far], steps, { timeout: 100, onError: { value: -1 } });
    const run = new Run(pipeline);
    run.push('{"k":7}\n');
    far.calls[0]?.answer('8');
    await settled();
    expect(far.calls).toHaveLength(2);
    await clock.advance(100);
    far.calls[1]?.answer('9');
    await settled();
    expect(run.lines).toEqual(['{"k":-1}']);
    expect(far.calls).toHaveLength(2);
  });

  test('counts the calls of all its supersteps in the meta data', async () => {
    const { pipeline } = hierarchy(10);
    expect(await linesOf(pipeline, input('Chicago'), { meta: ['attempts'] })).toEqual([
      '{"id":1, "place":{"name":"USA"},"_meta":{"attempts":{"/place":3}}}',
    ]);
  });

  test('is explained by its first call', () => {
    const { pipeline } = hierarchy(10);
    expect(pipeline.explain(input('ORD'), () => ({}))).toEqual([
      { lookup: 'far', into: '/place', repeat: { max: 10 }, call: { args: '{"key":"ORD"}' }, layers: [] },
    ]);
  });
});
