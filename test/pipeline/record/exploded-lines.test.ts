import { describe, expect, test } from 'vitest';
import { Answer } from '../../../src/lookup/lookup.ts';
import type { StreamSettings } from '../../../src/pipeline/stream-settings.ts';
import { linesOf, pipelineOf, Run, ScriptedLookup, settled, step } from '../harness.ts';

const array = (count: number, of = (n: number): unknown => n): string =>
  JSON.stringify(Array.from({ length: count }, (_, n) => of(n)));

/** Two steps that answer with arrays of so many elements. */
function exploding(first: string, second: string, control?: StreamSettings['control']) {
  const a = new ScriptedLookup('a', () => new Answer(first));
  const b = new ScriptedLookup('b', () => new Answer(second));
  const made = pipelineOf([a, b], [step('a', '/k', '/x'), step('b', '/k', '/y')], { explode: true });
  return { ...made, run: new Run(made.pipeline, { control }) };
}

const product = (record: string, xs: number, ys: number): string[] =>
  Array.from({ length: xs * ys }, (_, at) => `${record.slice(0, -1)},"x":${Math.floor(at / ys)},"y":${at % ys}}`);

test('a line for each combination, the last step changing with each line', async () => {
  const { run } = exploding(array(2), array(3));
  run.push('{"k":1}\n');
  await settled();
  expect(run.lines).toEqual(product('{"k":1}', 2, 3));
});

test('an empty answer makes no line, whatever the other answer is', async () => {
  const { run } = exploding(array(1000), '[]');
  run.push('{"k":1}\n');
  run.stream.endBody();
  await settled();
  expect(run.lines).toEqual([]);
  expect(run.summary).toMatchObject({ read: 1, written: 0 });
});

test('lines are made as the response takes them, and no more is held than the answers', async () => {
  const { run, memory } = exploding(array(1800), array(1800));
  run.room = false;
  run.push('{"k":1}\n');
  await settled();
  expect(run.lines.length).toBeLessThan(5000);
  expect(run.stream.backpressure).toBe('none');
  expect(run.stream.idle).toBe(false);
  expect(memory.heldBytes).toBeLessThan(100_000);
  const before = run.lines.length;
  run.stream.readerReady();
  await settled();
  expect(run.lines.length).toBeLessThan(before + 5000);
});

test('all of them come out, in order, before the next record, and are counted as they come', async () => {
  const { run, memory } = exploding(array(200), array(100));
  run.push('{"k":1}\n{"k":2}\n');
  run.stream.endBody();
  expect(run.summary).toBeUndefined();
  while (run.summary === undefined) await settled();
  expect(run.lines).toEqual([...product('{"k":1}', 200, 100), ...product('{"k":2}', 200, 100)]);
  expect(run.summary).toEqual({ read: 2, written: 40_000, errors: 0, misses: 0, dropped: 0 });
  expect(run.writes).toBeGreaterThan(10);
  expect(memory.heldBytes).toBe(0);
});

test('other work has its turn between two writes', async () => {
  const { run } = exploding(array(300), array(300));
  run.push('{"k":1}\n');
  run.stream.endBody();
  let turns = 0;
  const other = (): void => {
    turns += 1;
    if (run.summary === undefined) setImmediate(other);
  };
  setImmediate(other);
  while (run.summary === undefined) await settled();
  expect(run.lines.length).toBe(90_000);
  expect(turns).toBeGreaterThan(run.writes / 2);
});

test('a stream that ends in the middle of a record makes no more lines and holds no bytes', async () => {
  const { run, memory } = exploding(array(1000), array(1000));
  run.room = false;
  run.push('{"k":1}\n');
  await settled();
  const before = run.output;
  run.stream.abort(new Error('gone'));
  run.stream.readerReady();
  await settled();
  expect(run.output).toBe(before);
  expect(memory.heldBytes).toBe(0);
});

describe('a checkpoint', () => {
  const control = { checkpoint: { lines: 1 }, problem: () => ({}) };

  test('says that a record is out when its last line is', async () => {
    const { run } = exploding(array(200), array(50), control);
    run.push('{"k":1}\n');
    run.stream.endBody();
    while (run.summary === undefined) await settled();
    const checkpoints = run.lines.flatMap((line, at) => (line.startsWith('{"$checkpoint"') ? [at] : []));
    expect(checkpoints[0]).toBe(10_000);
    expect(run.lines[10_000]).toBe('{"$checkpoint":{"next":1,"pending":[]}}');
  });

  test('that is wanted in the middle of a record waits for its last line', async () => {
    const { run } = exploding(array(200), array(50), { ...control, checkpoint: undefined });
    run.room = false;
    run.push('{"k":1}\n{"k":2}\n');
    await settled();
    run.stream.checkpoint();
    expect(run.output).not.toContain('$checkpoint');
    run.room = true;
    run.stream.readerReady();
    run.stream.endBody();
    while (run.summary === undefined) await settled();
    expect(run.lines.indexOf('{"$checkpoint":{"next":1,"pending":[]}}')).toBe(10_000);
  });

  test('is not written by a cut in the middle of a record: its lines would come again', async () => {
    const { run } = exploding(array(200), array(50), { ...control, checkpoint: { lines: 1000 } });
    run.push('{"k":0}\n');
    while (run.lines.length < 10_000) await settled();
    run.room = false;
    run.push('{"k":1}\n');
    await settled();
    run.stream.cut(Object.assign(new Error('over'), { code: 'internal' }) as never);
    expect(run.output).not.toContain('$checkpoint');
    expect(run.lines.at(-1)).toBe('{"$fatal":{}}');
  });
});

/** The second step writes into the answer of the first. */
const below = (first: string) => {
  const a = new ScriptedLookup('a', () => new Answer(first));
  const b = new ScriptedLookup('b', () => new Answer('[1,2]'));
  return pipelineOf([a, b], [step('a', '/k', '/x'), step('b', '/k', '/x/y')], { explode: true }).pipeline;
};

describe('a place that an element cannot hold', () => {
  test('fails the record before its first line, at any index of the element', async () => {
    const [line, ...more] = await linesOf(below('[{"v":1},{"v":2},5]'), '{"k":1}\n');
    expect(more).toEqual([]);
    expect(line).toContain('"code":"not_an_object","message":"/x/y cannot be written: /x is 5');
  });

  test('does not fail if every element can hold the place', async () => {
    expect(await linesOf(below('[{"v":1},{}]'), '{"k":1}\n')).toEqual([
      '{"k":1,"x":{"v":1,"y":1}}',
      '{"k":1,"x":{"v":1,"y":2}}',
      '{"k":1,"x":{"y":1}}',
      '{"k":1,"x":{"y":2}}',
    ]);
  });
});

test('_meta is in each line', async () => {
  const { pipeline } = exploding(array(2), array(2));
  const lines = await linesOf(pipeline, '{"k":1}\n', { meta: ['seq'] });
  expect(lines).toEqual(product('{"k":1}', 2, 2).map((line) => `${line.slice(0, -1)},"_meta":{"seq":0}}`));
});

test('bytes of elements are kept', async () => {
  const { run } = exploding('[1.0, {"a" : 1e400}]', '["\\u00e9",12345678901234567890]');
  run.push('{"k":1}\n');
  await settled();
  expect(run.lines).toEqual([
    '{"k":1,"x":1.0,"y":"\\u00e9"}',
    '{"k":1,"x":1.0,"y":12345678901234567890}',
    '{"k":1,"x":{"a" : 1e400},"y":"\\u00e9"}',
    '{"k":1,"x":{"a" : 1e400},"y":12345678901234567890}',
  ]);
});
