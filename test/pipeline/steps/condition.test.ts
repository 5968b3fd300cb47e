import { describe, expect, it, test } from 'vitest';
import { RecordError } from '../../../src/core/errors.ts';
import { Answer } from '../../../src/lookup/lookup.ts';
import { compileCondition, compileUntil } from '../../../src/pipeline/steps/condition.ts';
import { linesOf, pipelineOf, Run, ScriptedLookup, settled, step } from '../harness.ts';

const found = (json: string) => () => new Answer(json);
const miss = () => new Answer(undefined);

function failure(run: () => unknown): Pick<RecordError, 'code' | 'message' | 'retryable'> {
  try {
    run();
  } catch (error) {
    if (error instanceof RecordError) return error;
    throw error;
  }
  throw new Error('there was no error');
}

describe('an error of an expression', () => {
  it('has a code of its own, and names the expression and the place in it', () => {
    const { test: taken } = compileCondition('record.a == 1 &&\n  record.b.c == 2', 2);
    const { code, message, retryable } = failure(() => taken({ a: 1, b: {} }));
    expect(code).toBe('expression_error');
    expect(retryable).toBe(false);
    expect(message).toBe('enrich[2].when, line 2, column 12: record.b has no member "c"; ask with has() first');
  });

  it('of an until names it', () => {
    const { test: done } = compileUntil('answer.n > 1', 0);
    expect(failure(() => done({}, { n: 'x' })).message).toBe(
      'enrich[0].repeat.until, line 1, column 10: string and int have no order',
    );
  });

  it('is also a result that is neither true nor false', () => {
    const { test: taken } = compileCondition('record.a', 0);
    expect(taken({ a: true })).toBe(true);
    expect(failure(() => taken({ a: 1 }))).toMatchObject({
      code: 'expression_error',
      message: 'enrich[0].when gave a value that is neither true nor false',
    });
  });

  test.each(['"text"', 'record.a + "b"', '[true]', 'size(record)', '1'])('%s is refused beforehand', (source) => {
    expect(() => compileCondition(source, 0)).toThrow('true or false is needed');
  });

  it('comes with the calls that were made before it', async () => {
    const far = new ScriptedLookup('far', found('{"n":5}'));
    const climb = step('far', '/id', '/got', { repeat: { until: 'answer.missing > 1.0', max: 3 } });
    const [line = ''] = await linesOf(pipelineOf([far], [climb]).pipeline, '{"id":1}\n');
    expect(JSON.parse(line)._error).toEqual({
      code: 'expression_error',
      message: 'enrich[0].repeat.until, line 1, column 8: answer has no member "missing"; ask with has() first',
      lookup: 'far',
      attempts: 1,
      line: 1,
    });
  });
});

describe('a step whose when reads the place that another step writes', () => {
  it('is decided when the answer exists, in any order of the steps', async () => {
    const [city, country] = [new ScriptedLookup('city'), new ScriptedLookup('country')];
    const steps = [
      step('country', '/k', '/country', { when: 'record.city.country == "US"' }),
      step('city', '/k', '/city'),
    ];
    const run = new Run(pipelineOf([city, country], steps).pipeline);
    run.push('{"k":1}\n{"k":2}\n');
    expect([city.calls.length, country.calls.length]).toEqual([2, 0]);
    city.calls[0]?.answer('{"country":"US"}');
    city.calls[1]?.answer('{"country":"DE"}');
    await settled();
    expect(country.calls.map(({ args }) => args)).toEqual([{ key: 1 }]);
    country.calls[0]?.answer('"United States"');
    await settled();
    expect(run.lines).toEqual([
      '{"k":1,"country":"United States","city":{"country":"US"}}',
      '{"k":2,"city":{"country":"DE"}}',
    ]);
  });

  it('sees a miss as onMiss leaves it: a second lookup for records that the first does not know', async () => {
    const first = new ScriptedLookup('first', ({ key }) => new Answer(key === 1 ? '"one"' : undefined));
    const second = new ScriptedLookup('second', ({ key }) => new Answer(`"second ${JSON.stringify(key)}"`));
    const withNull = [step('first', '/k', '/x'), step('second', '/k', '/y', { when: 'record.x == null' })];
    expect(await linesOf(pipelineOf([first, second], withNull).pipeline, '{"k":1}\n{"k":2}\n')).toEqual([
      '{"k":1,"x":"one"}',
      '{"k":2,"x":null,"y":"second 2"}',
    ]);
    const without = [step('first', '/k', '/x'), step('second', '/k', '/y', { when: '!has(record.x)' })];
    const { pipeline } = pipelineOf([first, second], without, { onMiss: 'omit' });
    expect(await linesOf(pipeline, '{"k":1}\n{"k":2}\n')).toEqual(['{"k":1,"x":"one"}', '{"k":2,"y":"second 2"}']);
  });

  it('is decided once all answers that it reads exist; a skipped step counts as answered', async () => {
    const lookups = ['a', 'b', 'c'].map((name) => new ScriptedLookup(name, found(`"${name}"`)));
    const steps = [
      step('a', '/k', '/x', { when: 'false' }),
      step('b', '/k', '/y/z'),
      step('c', '/k', '/w', { when: '!has(record.x) && has(record.y.z) && size(record) == 2' }),
    ];
    expect(await linesOf(pipelineOf(lookups, steps).pipeline, '{"k":1}\n')).toEqual(['{"k":1,"y":{"z":"b"},"w":"c"}']);
  });

  it('has a miss without a call only if an argument comes from the answer', async () => {
    const second = new ScriptedLookup('second', found('1'));
    const steps = [step('first', '/k', '/x'), step('second', '/x/id', '/y', { when: 'record.x == null' })];
    const { pipeline } = pipelineOf([new ScriptedLookup('first', miss), second], steps);
    expect(await linesOf(pipeline, '{"k":1}\n')).toEqual(['{"k":1,"x":null,"y":null}']);
  });

  it('an until waits as well for the answers that it reads', async () => {
    const [goal, far] = [new ScriptedLookup('goal'), new ScriptedLookup('far', found('3'))];
    const steps = [
      step('far', '/k', '/x', { repeat: { until: 'answer == record.goal', max: 2 } }),
      step('goal', '/k', '/goal'),
    ];
    const run = new Run(pipelineOf([goal, far], steps).pipeline);
    run.push('{"k":1}\n');
    await settled();
    expect(run.lines).toEqual([]);
    goal.calls[0]?.answer('3');
    await settled();
    expect(run.lines).toEqual(['{"k":1,"x":3,"goal":3}']);
  });

  it('explain names the places that it waits for', () => {
    const steps = [step('a', '/k', '/x'), step('b', '/k', '/y', { when: 'record.x.y == 1' })];
    const { pipeline } = pipelineOf([new ScriptedLookup('a'), new ScriptedLookup('b')], steps);
    expect(pipeline.explain('{"k":1}', () => ({}))).toMatchObject([{ call: {} }, { waitsFor: ['/x'] }]);
  });
});
