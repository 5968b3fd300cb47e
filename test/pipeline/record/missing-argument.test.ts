import { describe, expect, it } from 'vitest';
import type { PipelineConfig } from '../../../src/config/schema/schema.ts';
import { Answer } from '../../../src/lookup/lookup.ts';
import { linesOf, pipelineOf, Run, ScriptedLookup, settled, step } from '../harness.ts';

const found = (key: unknown): Answer => new Answer(`{"of":${JSON.stringify(key)}}`);
const replying = (immediate: boolean): ScriptedLookup => new ScriptedLookup('a', ({ key }) => found(key), immediate);

const body = '{"k":1}\n{"k":null,"z":1.0}\n{"z":2.0}\n{"k":"x"}\n';
const first = '{"k":1,"x":{"of":1}}';
const last = '{"k":"x","x":{"of":"x"}}';

async function lines(options: Partial<PipelineConfig>, immediate: boolean, mode: PipelineConfig['mode'] = 'ordered') {
  const { pipeline } = pipelineOf([replying(immediate)], [step('a', '/k', '/x')], {
    onMissingArgument: 'miss',
    ...options,
  });
  return linesOf(pipeline, body, { mode });
}

// A record with an immediate answer takes no slot.
describe.each([
  ['an immediate lookup', true],
  ['a lookup that answers by a promise', false],
])('a missing argument that is a miss, for %s,', (_, immediate) => {
  it('puts null with onMiss "null": a LEFT JOIN', async () => {
    for (const mode of ['ordered', 'unordered'] as const) {
      const records = [first, '{"k":null,"z":1.0,"x":null}', '{"z":2.0,"x":null}', last];
      expect(await lines({}, immediate, mode)).toEqual(records);
      expect(await lines({ explode: true }, immediate, mode)).toEqual(records);
    }
  });

  it('leaves the member out with onMiss omit', async () => {
    expect(await lines({ onMiss: 'omit' }, immediate)).toEqual([first, '{"k":null,"z":1.0}', '{"z":2.0}', last]);
  });

  it('drops the record with onMiss drop: an inner JOIN', async () => {
    expect(await lines({ onMiss: 'drop' }, immediate)).toEqual([first, last]);
    expect(await lines({ onMiss: 'drop', explode: true }, immediate)).toEqual([first, last]);
  });

  it('is not_found, after no call, with onMiss error', async () => {
    const [, empty, absent] = await lines({ onMiss: 'error' }, immediate);
    const error = { code: 'not_found', lookup: 'a', attempts: 0 };
    expect(JSON.parse(empty ?? '')).toMatchObject({ k: null, z: 1, _error: { ...error, line: 2 } });
    expect(JSON.parse(absent ?? '')).toMatchObject({ z: 2, _error: { ...error, line: 3 } });
    const answered = await lines({ onMiss: 'error', onError: { value: 7 } }, immediate);
    expect(answered).toEqual(await lines({ onMiss: 'error' }, immediate));
  });

  it('is not a failure: onError does not apply', async () => {
    for (const onError of ['fail', 'drop', 'passthrough', { value: 7 }] as const) {
      expect(await lines({ onError }, immediate)).toHaveLength(4);
      expect((await lines({ onError }, immediate))[1]).toBe('{"k":null,"z":1.0,"x":null}');
    }
  });

  it('counts as missed, and not as an error', async () => {
    const { pipeline } = pipelineOf([replying(immediate)], [step('a', '/k', '/x')], { onMissingArgument: 'miss' });
    const run = new Run(pipeline);
    run.push(body);
    run.stream.endBody();
    await settled();
    expect(run.summary).toMatchObject({ read: 4, written: 4, misses: 2, errors: 0, dropped: 0 });
  });

  it('shows no call in _meta', async () => {
    const [called, empty] = await lines({ meta: ['source', 'attempts'] }, immediate);
    expect(called).toBe('{"k":1,"x":{"of":1},"_meta":{"source":{"/x":"call"},"attempts":{"/x":1}}}');
    expect(empty).toBe('{"k":null,"z":1.0,"x":null,"_meta":{"source":{},"attempts":{"/x":0}}}');
  });

  it('is an error by default', async () => {
    const [, empty, absent] = await lines({ onMissingArgument: 'error' }, immediate);
    expect(empty).toContain('"message":"/k is null; argument {key} is read from it"');
    expect(absent).toContain('"message":"/k is missing; argument {key} is read from it"');
  });
});

describe('a missing argument that is a miss', () => {
  it('makes no call, whichever of several arguments it is, at any depth, and in lines of any length', async () => {
    const a = new ScriptedLookup('a');
    const from = { with: { key: { value: 'fixed' }, one: '/k/0/b', two: '/l' } };
    const { pipeline } = pipelineOf([a], [step('a', '/k', '/x', from)], { onMissingArgument: 'miss' });
    const pad = 'p'.repeat(70_000);
    for (const more of ['', ',"ü":1', `,"p":"${pad}"`]) {
      const records = [
        '{"l":1',
        '{"k":[{"b":null}],"l":1',
        '{"k":[{"b":1}],"l":null',
        '{"k":[],"l":1',
        '{"k":"t","l":1',
      ];
      const sent = records.map((record) => `${record}${more}}\n`).join('');
      expect(await linesOf(pipeline, sent)).toEqual(records.map((record) => `${record}${more},"x":null}`));
    }
    expect(a.calls).toEqual([]);
  });

  it('does not affect other steps, but steps that read the answer have a miss as well', async () => {
    const [a, b, c] = [replying(false), new ScriptedLookup('b', ({ key }) => found(key)), new ScriptedLookup('c')];
    const steps = [step('a', '/k', '/x'), step('b', '/l', '/y'), step('c', '/x/of', '/z')];
    const { pipeline } = pipelineOf([a, b, c], steps, { onMissingArgument: 'miss' });
    expect(await linesOf(pipeline, '{"l":1}\n')).toEqual(['{"l":1,"x":null,"y":{"of":1},"z":null}']);
    expect(c.calls).toEqual([]);
  });

  it('is a miss for a step that reads a member which the answer does not have', async () => {
    const steps = [step('a', '/k', '/x'), step('b', '/x/none', '/y')];
    const { pipeline } = pipelineOf([replying(false), new ScriptedLookup('b')], steps, { onMissingArgument: 'miss' });
    expect(await linesOf(pipeline, '{"k":1}\n')).toEqual(['{"k":1,"x":{"of":1},"y":null}']);
  });

  it('is checked only if `when` is true', async () => {
    const steps = [step('a', '/k', '/x', { when: 'record.ask' })];
    const { pipeline } = pipelineOf([replying(false)], steps, { onMissingArgument: 'miss' });
    expect(await linesOf(pipeline, '{"ask":false}\n{"ask":true}\n')).toEqual([
      '{"ask":false}',
      '{"ask":true,"x":null}',
    ]);
  });

  it('ends a repetition, before its first call and after a later one', async () => {
    const parents = new Map<unknown, string>([
      ['a', '{"parent":"b"}'],
      ['b', '{"parent":null}'],
    ]);
    const a = new ScriptedLookup('a', ({ key }) => new Answer(parents.get(key)));
    const repeat = { until: 'answer.parent == "none"', max: 5 };
    const steps = [step('a', '/u/parent', '/u', { repeat })];
    const { pipeline } = pipelineOf([a], steps, { onMissingArgument: 'miss', meta: ['attempts'] });
    expect(await linesOf(pipeline, '{"u":{"parent":"a"}}\n{"u":{}}\n')).toEqual([
      '{"u":null,"_meta":{"attempts":{"/u":2}}}',
      '{"u":null,"_meta":{"attempts":{"/u":0}}}',
    ]);
  });

  it('is shown by explain, with the place', () => {
    const steps = [step('a', '/k', '/x'), step('a', '/l', '/y', { when: 'false' })];
    const miss = pipelineOf([new ScriptedLookup('a')], steps, { onMissingArgument: 'miss' }).pipeline;
    expect(miss.explain('{"k":null}', () => ({}))).toEqual([
      { lookup: 'a', into: '/x', miss: '/k is null; argument {key} is read from it' },
      { lookup: 'a', into: '/y', skipped: true },
    ]);
    const error = pipelineOf([new ScriptedLookup('a')], steps).pipeline;
    expect(error.explain('{}', () => ({}))).toMatchObject([
      { error: { code: 'missing_argument', message: '/k is missing; argument {key} is read from it' } },
      {},
    ]);
  });

  it('does not apply to the key of mode keyed', async () => {
    const { pipeline } = pipelineOf([replying(false)], [step('a', '/k', '/x')], {
      onMissingArgument: 'miss',
      mode: 'keyed',
      key: '/id',
    });
    const records = await linesOf(pipeline, '{"id":1}\n{"k":1}\n{"id":2,"k":2}\n{"id":null}\n', { mode: 'keyed' });
    expect(records).toContain('{"id":1,"x":null}');
    expect(records).toContain('{"id":2,"k":2,"x":{"of":2}}');
    const refused = records.filter((line) => line.includes('"code":"missing_argument"'));
    expect(refused).toHaveLength(2);
    expect(refused.join('')).toMatch(/\/id is missing; the key is read from it/);
    expect(refused.join('')).toMatch(/\/id is null; the key is read from it/);
  });
});
