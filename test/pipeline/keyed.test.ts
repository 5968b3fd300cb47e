import { describe, expect, test } from 'vitest';
import { linesOf, pipelineOf, Run, ScriptedLookup, settled, step } from './harness.ts';

function keyed(lookup: ScriptedLookup, options = {}) {
  return pipelineOf([lookup], [step('far', '/id', '/got')], { mode: 'keyed', key: '/k', ...options });
}

const ids = (lookup: ScriptedLookup): unknown[] => lookup.calls.map(({ args }) => args['key']);

describe('mode keyed', () => {
  test('of one key one record is looked up at a time, in the order of the input; other keys go on', async () => {
    const far = new ScriptedLookup('far');
    const run = new Run(keyed(far).pipeline);
    run.push('{"k":"a","id":1}\n{"k":"a","id":2}\n{"k":"b","id":3}\n{"k":"b","id":4}\n');
    run.stream.endBody();
    expect(ids(far)).toEqual([1, 3]);
    far.calls[1]?.answer('"three"');
    await settled();
    expect(ids(far)).toEqual([1, 3, 4]);
    far.calls[0]?.answer('"one"');
    await settled();
    expect(ids(far)).toEqual([1, 3, 4, 2]);
    far.calls[3]?.answer('"two"');
    far.calls[2]?.answer('"four"');
    await settled();
    expect(run.lines).toEqual([
      '{"k":"b","id":3,"got":"three"}',
      '{"k":"a","id":1,"got":"one"}',
      '{"k":"a","id":2,"got":"two"}',
      '{"k":"b","id":4,"got":"four"}',
    ]);
    expect(run.summary).toMatchObject({ read: 4, written: 4, errors: 0 });
  });

  test('keys are equal if their JSON values are, not if only their spelling is', () => {
    const far = new ScriptedLookup('far');
    const run = new Run(keyed(far).pipeline);
    const keys = ['1', '"1"', '1.0', 'true', '"true"', '{"a":1,"b":[2]}', '{"b":[2],"a":1}', '[1]', '"[1]"', '"a"'];
    run.push(keys.map((key, id) => `{"k":${key},"id":${id}}\n`).join(''));
    // 2 is 1 once more, and 6 is 5 with its members in another order.
    expect(ids(far)).toEqual([0, 1, 3, 4, 5, 7, 8, 9]);
    run.stream.abort('done');
  });

  test('a key is the same in a line of any length', () => {
    const far = new ScriptedLookup('far');
    const run = new Run(keyed(far).pipeline);
    const pad = 'p'.repeat(70_000);
    for (const key of ['12345678901234567890', '1.50', '1e400', '{"a":12345678901234567890}']) {
      run.push(`{"k":${key},"id":1}\n{"k":${key},"id":2,"pad":"${pad}"}\n`);
    }
    expect(ids(far)).toEqual([1, 1, 1, 1]);
    run.stream.abort('done');
  });

  test('a record without its key is an error of that record alone, and waits for no other', async () => {
    const far = new ScriptedLookup('far');
    const run = new Run(keyed(far).pipeline);
    run.push('{"k":"a","id":1}\n{"id":2}\n{"k":null,"id":3}\n[4]\n{"k"\n');
    await settled();
    expect(ids(far)).toEqual([1]);
    expect(run.lines.map((line) => JSON.parse(line))).toEqual([
      { id: 2, _error: expect.objectContaining({ code: 'missing_argument', line: 2 }) },
      { k: null, id: 3, _error: expect.objectContaining({ code: 'missing_argument', line: 3 }) },
      { _error: expect.objectContaining({ code: 'not_an_object', line: 4, input: '[4]' }) },
      { _error: expect.objectContaining({ code: 'invalid_json', line: 5, input: '{"k"' }) },
    ]);
    expect(run.lines[0]).toContain('/k is missing; the key is read from it');
    expect(run.lines[1]).toContain('/k is null');
    run.stream.abort('done');
  });

  test('a record that waits for its key holds a slot, and its time starts with its lookup', async () => {
    const far = new ScriptedLookup('far');
    const { pipeline, clock } = keyed(far, { capacity: 2, timeout: 100 });
    const run = new Run(pipeline);
    expect(run.push('{"k":"a","id":1}\n{"k":"a","id":2}\n{"k":"b","id":3}\n')).toBe(false);
    await clock.advance(90);
    far.calls[0]?.answer('1');
    await settled();
    expect(ids(far)).toEqual([1, 2, 3]);
    await clock.advance(90);
    expect(run.lines).toHaveLength(1);
    await clock.advance(10);
    await settled();
    expect(run.lines.slice(1).map((line) => JSON.parse(line)._error.code)).toEqual(['timeout', 'timeout']);
  });

  test('onError decides the outcome of a record without a key', async () => {
    const answer = new ScriptedLookup('far');
    const { pipeline } = keyed(answer);
    expect(await linesOf(pipeline, '{"id":2}\n', { onError: 'passthrough' })).toEqual(['{"id":2}']);
    expect(await linesOf(pipeline, '{"id":2}\n', { onError: 'drop' })).toEqual([]);
  });
});
