import { describe, expect, test } from 'vitest';
import { RequestError } from '../../../src/core/errors.ts';
import { requestProblem } from '../../../src/http/problem.ts';
import type { CheckpointEvery, StreamSettings } from '../../../src/pipeline/stream-settings.ts';
import { linesOf, pipelineOf, Run, ScriptedLookup, settled, step } from '../harness.ts';

const modes = ['ordered', 'unordered', 'keyed'] as const;

function control(checkpoint?: CheckpointEvery): Pick<StreamSettings, 'control'> {
  return { control: { checkpoint, problem: (error) => requestProblem(error, 'id') } };
}

function scripted(options = {}) {
  const far = new ScriptedLookup('far');
  return { far, ...pipelineOf([far], [step('far', '/id', '/got')], { key: '/id', ...options }) };
}

const record = (id: number): string => `{"id":${id}}`;
const got = (id: number): string => `{"id":${id},"got":${id}}`;
const body = (...lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
const checkpoint = (next: number, ...pending: readonly number[]): string =>
  JSON.stringify({ $checkpoint: { next, pending } });
const lastOf = (run: Run): unknown => JSON.parse(run.lines.at(-1) ?? 'null');

/** Answers the calls of these records, in this order. */
async function answer(far: ScriptedLookup, ...ids: readonly number[]): Promise<void> {
  for (const id of ids) far.calls.find(({ args }) => args['key'] === id)?.answer(String(id));
  await settled();
}

describe('$watermark', () => {
  test.each(modes)('%s: comes out where it stands, byte for byte, and nothing passes it', async (mode) => {
    const { far, pipeline } = scripted({ mode });
    const run = new Run(pipeline, control());
    const watermark = '  {"$watermark" : {"t": 1.0, "x":"\\u0041"} } ';
    run.push(body(record(1), record(2), watermark, record(3)));
    run.stream.endBody();
    await answer(far, 3, 2);
    expect(run.lines).toEqual(mode === 'ordered' ? [] : [got(2)]);
    await answer(far, 1);
    const before = mode === 'ordered' ? [got(1), got(2)] : [got(2), got(1)];
    expect(run.lines.slice(0, 4)).toEqual([...before, watermark, got(3)]);
    expect(run.summary).toEqual({ read: 3, written: 3, errors: 0, misses: 0, dropped: 0 });
  });

  test('takes a slot, and is emitted immediately if no record is before it', async () => {
    const { far, pipeline } = scripted({ capacity: 2 });
    const run = new Run(pipeline, control());
    run.push(body('{"$watermark":0}'));
    await settled();
    expect(run.lines).toEqual(['{"$watermark":0}']);
    expect(run.push(body(record(1), '{"$watermark":1}', '{"$watermark":2}', record(2)))).toBe(false);
    expect(far.calls).toHaveLength(1);
    await answer(far, 1);
    expect(run.lines.slice(1)).toEqual([got(1), '{"$watermark":1}', '{"$watermark":2}']);
    run.stream.abort('done');
  });

  test('an unknown control line becomes an error of its line', async () => {
    const { pipeline } = scripted();
    const run = new Run(pipeline, control());
    run.push(body('{"$watermark":1,"a":2}', '{"$flush":1}', '{"$watermark":'));
    run.stream.endBody();
    await settled();
    expect(run.lines.slice(0, 3).map((line) => JSON.parse(line)._error)).toMatchObject([
      { code: 'not_an_object', line: 1, input: '{"$watermark":1,"a":2}' },
      { code: 'not_an_object', line: 2 },
      { code: 'invalid_json', line: 3 },
    ]);
    expect(run.summary).toMatchObject({ read: 3, errors: 3 });
  });

  test('without control=true it is a record like any other', async () => {
    const { pipeline } = scripted();
    const lines = await linesOf(pipeline, body('{"$watermark":1}', '{"$resume":{"next":5,"pending":[]}}'), {
      onError: 'passthrough',
    });
    expect(lines).toEqual(['{"$watermark":1}', '{"$resume":{"next":5,"pending":[]}}']);
  });
});

describe('$checkpoint', () => {
  test('ordered: every N lines, with no pending lines', async () => {
    const { far, pipeline } = scripted();
    const run = new Run(pipeline, control({ lines: 2 }));
    run.push(body(record(0), record(1), '', record(3), '{"$watermark":1}', record(5)));
    await answer(far, 5, 3, 1, 0);
    expect(run.lines).toEqual([got(0), got(1), checkpoint(2), got(3), '{"$watermark":1}', checkpoint(5), got(5)]);
  });

  test('unordered: names the lines that are not out, waiting watermarks with them', async () => {
    const { far, pipeline, clock } = scripted({ mode: 'unordered' });
    const run = new Run(pipeline, control({ lines: 1 }));
    run.push(body(record(0), record(1), record(2), '{"$watermark":1}', record(4), record(5)));
    await answer(far, 2);
    await answer(far, 4);
    await clock.advance(1000);
    expect(run.lines).toEqual([got(2), checkpoint(3, 0, 1)]);
    await answer(far, 0);
    expect(run.lines.slice(2)).toEqual([got(0), checkpoint(3, 1)]);
    await answer(far, 1);
    expect(run.lines.slice(4)).toEqual([
      got(1),
      checkpoint(3),
      '{"$watermark":1}',
      checkpoint(4),
      got(4),
      checkpoint(5),
    ]);
    run.stream.abort('done');
  });

  test('a record that is dropped is out as well', async () => {
    const { far, pipeline } = scripted({ onMiss: 'drop' });
    const run = new Run(pipeline, control({ lines: 1 }));
    run.push(body(record(0)));
    far.calls[0]?.answer(undefined);
    await settled();
    expect(run.lines).toEqual([checkpoint(1)]);
    run.stream.abort('done');
  });

  test('by time: after the first line of output, and never without output', async () => {
    const { far, pipeline, clock } = scripted({ timeout: 0 });
    const run = new Run(pipeline, control({ ms: 5000 }));
    run.push(body(record(0), record(1)));
    await clock.advance(20_000);
    expect([run.lines, clock.timers]).toEqual([[], 0]);
    await answer(far, 0);
    await clock.advance(4999);
    expect(run.lines).toEqual([got(0)]);
    await clock.advance(1);
    expect(run.lines).toEqual([got(0), checkpoint(1)]);
    expect(clock.timers).toBe(0);
    await answer(far, 1);
    expect(clock.timers).toBe(1);
    run.stream.endBody();
    await settled();
    expect(clock.timers).toBe(0);
    expect(lastOf(run)).toMatchObject({ $summary: { status: 'complete' } });
  });

  test('unordered: comes when as many lines are out as it names, however often it is requested', async () => {
    const { far, pipeline } = scripted({ mode: 'unordered', timeout: 0 });
    const run = new Run(pipeline, control({ lines: 1 }));
    run.push(body(...Array.from({ length: 12 }, (_, id) => record(id))));
    await answer(far, 6, 7, 8, 9, 10);
    expect(run.lines).toHaveLength(5);
    await answer(far, 11);
    expect(run.lines.slice(5)).toEqual([got(11), checkpoint(12, 0, 1, 2, 3, 4, 5)]);
    await answer(far, 0, 1, 2);
    expect(run.lines.slice(7)).toEqual([got(0), got(1), got(2), checkpoint(12, 3, 4, 5)]);
    run.stream.abort('done');
  });

  test('by time: names more lines than are out only once in a second', async () => {
    const { far, pipeline, clock } = scripted({ mode: 'unordered', timeout: 0 });
    const run = new Run(pipeline, control({ ms: 100 }));
    run.push(body(...Array.from({ length: 10 }, (_, id) => record(id))));
    await answer(far, 3);
    await clock.advance(999);
    expect(run.lines).toEqual([got(3)]);
    await clock.advance(1);
    expect(run.lines).toEqual([got(3), checkpoint(4, 0, 1, 2)]);
    await answer(far, 4);
    await clock.advance(100);
    await answer(far, 0);
    expect(run.lines.slice(2)).toEqual([got(4), got(0), checkpoint(5, 1, 2)]);
    expect(clock.timers).toBe(0);
    run.stream.abort('done');
  });

  test.each<CheckpointEvery>([{ lines: 1 }, { lines: 7 }, { ms: 10 }])(
    'unordered with many lines pending: %j adds at most a few bytes to each line',
    async (every) => {
      const { far, pipeline, clock } = scripted({ mode: 'unordered', capacity: 2000, timeout: 0 });
      const run = new Run(pipeline, control(every));
      run.push(body(...Array.from({ length: 4000 }, (_, id) => record(1_000_000 + id))));
      // The first half stays pending, so that each line that comes out leaves a thousand before it.
      for (let done = 0; done < 4; done += 1) {
        for (const call of far.calls.splice(1000)) call.answer(JSON.stringify(call.args['key']));
        await settled();
        await clock.advance(10);
      }
      const checkpoints = run.lines.filter((line) => line.startsWith('{"$checkpoint"'));
      const records = run.lines.filter((line) => line.startsWith('{"id"'));
      expect(records).toHaveLength(3000);
      expect(checkpoints.length).toBeGreaterThan(0);
      expect(checkpoints.join('').length / records.join('').length).toBeLessThan(0.5);
      run.stream.abort('done');
    },
  );

  test('when requested, but not before the first line is known', async () => {
    const { far, pipeline } = scripted({ mode: 'unordered' });
    const run = new Run(pipeline, control());
    run.stream.checkpoint();
    run.push(body('{"$resume":{"next":7,"pending":[3,5]}}'));
    run.stream.checkpoint();
    run.push(body(record(3), record(5), record(7)));
    await answer(far, 7);
    run.stream.checkpoint();
    expect(run.lines).toEqual([checkpoint(7, 3, 5), got(7), checkpoint(8, 3, 5)]);
    run.stream.abort('done');
  });
});

describe('$resume and offset', () => {
  test('pending lines keep their numbers, and the lines after them count from next', async () => {
    const { pipeline } = scripted();
    const lines = await linesOf(pipeline, body('{"$resume":{"next":10,"pending":[3,7]}}', '[]', '[]', '[]', '', '[]'), {
      ...control(),
    });
    expect(lines.slice(0, -1).map((line) => JSON.parse(line)._error.line)).toEqual([4, 8, 11, 13]);
  });

  test('offset=N counts the lines from N', async () => {
    const { pipeline } = scripted();
    const lines = await linesOf(pipeline, body('[]', '', '[]'), { offset: 100 });
    expect(lines.map((line) => JSON.parse(line)._error.line)).toEqual([101, 103]);
  });

  test('more pending lines than slots: lines that the body has not brought yet stay pending', async () => {
    const { far, pipeline, clock } = scripted({ capacity: 2, mode: 'unordered' });
    const run = new Run(pipeline, control({ lines: 1 }));
    const pending = Array.from({ length: 20 }, (_, seq) => 2 * seq);
    run.push(body(JSON.stringify({ $resume: { next: 50, pending } }), ...pending.map(record), record(50)));
    await answer(far, 2);
    await clock.advance(1000);
    expect(run.lines).toEqual([got(2), checkpoint(50, ...pending.filter((seq) => seq !== 2))]);
    for (const seq of [...pending, 50]) await answer(far, seq);
    expect(run.lines.at(-1)).toBe(checkpoint(51));
  });

  test('a pending line that comes blank is done', async () => {
    const { far, pipeline } = scripted();
    const run = new Run(pipeline, control({ lines: 1 }));
    run.push(body('{"$resume":{"next":5,"pending":[1,2]}}', '', '', record(5)));
    await answer(far, 5);
    expect(run.lines).toEqual([got(5), checkpoint(6)]);
    run.stream.abort('done');
  });

  test.each([
    ['{"$resume":{"next":1}}', 'pending is missing'],
    [`{"$resume":{"next":5,"pending":[${' '.repeat(1 << 20)}]}}`, 'limits.lineBytes'],
  ])('one that cannot be taken ends the stream, and says why', async (line, reason) => {
    const { pipeline } = scripted();
    const run = new Run(pipeline, control());
    run.push(body(line, record(1)));
    await settled();
    expect(run.failure).toMatchObject({ code: 'bad_resume' });
    expect(run.lines).toHaveLength(1);
    expect(lastOf(run)).toMatchObject({ $fatal: { status: 400, code: 'bad_resume' } });
    expect(run.output).toContain(reason);
    expect(run.summary).toBeUndefined();
  });

  test('one beside an offset ends the stream, and one that is not the first line is an error of its line', async () => {
    const { pipeline } = scripted();
    const line = '{"$resume":{"next":5,"pending":[]}}';
    const run = new Run(pipeline, { ...control(), offset: 5 });
    run.push(body(line));
    expect(run.failure).toMatchObject({ code: 'bad_resume' });
    const lines = await linesOf(pipeline, body('[]', line), control());
    expect(JSON.parse(lines[1] ?? '')._error).toMatchObject({ code: 'not_an_object', line: 2 });
  });
});

describe('the last line', () => {
  test('of a complete stream is its summary', async () => {
    const { far, pipeline, clock } = scripted({ onMiss: 'drop', timeout: 0 });
    const run = new Run(pipeline, control());
    run.push(body(record(0), record(1), '[]'));
    await clock.advance(70);
    far.calls[0]?.answer('0');
    far.calls[1]?.answer(undefined);
    run.stream.endBody();
    await settled();
    expect(lastOf(run)).toEqual({
      $summary: { status: 'complete', read: 3, written: 2, errors: 1, misses: 0, dropped: 1, durationMs: 70 },
    });
  });

  test('of a stream that a record ends is the problem, after a checkpoint that leaves the record to be done', async () => {
    const { far, pipeline } = scripted({ onError: 'fail', mode: 'unordered' });
    const run = new Run(pipeline, control());
    run.push(body(record(0), record(1), record(2)));
    await answer(far, 1);
    far.calls[0]?.fail(new Error('no'));
    await answer(far, 2);
    expect(run.lines.slice(0, -1)).toEqual([got(1), checkpoint(2, 0)]);
    expect(lastOf(run)).toMatchObject({ $fatal: { status: 502, code: 'record_failed', line: 1 } });
    expect(run.failure).toMatchObject({ code: 'record_failed' });
  });

  test('of a stream that is cut from outside follows a checkpoint of all lines that are out', async () => {
    const { far, pipeline } = scripted();
    const run = new Run(pipeline, control({ lines: 100 }));
    run.push(body(record(0), record(1)));
    await answer(far, 0);
    run.stream.cut(new RequestError('draining', 'the service stopped'));
    expect(run.lines.slice(0, -1)).toEqual([got(0), checkpoint(1)]);
    expect(lastOf(run)).toMatchObject({ $fatal: { code: 'draining' } });
    await answer(far, 1);
    expect(run.lines).toHaveLength(3);
  });
});
