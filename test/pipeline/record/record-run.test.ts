import { describe, expect, it } from 'vitest';
import { RecordError } from '../../../src/core/errors.ts';
import { Answer, RawJson } from '../../../src/lookup/lookup.ts';
import { linesOf, pipelineOf, Run, ScriptedLookup, settled, step } from '../harness.ts';

const found = (json: string) => () => new Answer(json);
const miss = () => new Answer(undefined);

describe('the steps of a record', () => {
  it('run at the same time, and their answers stand in the order of the steps', async () => {
    const [a, b] = [new ScriptedLookup('a'), new ScriptedLookup('b')];
    const run = new Run(pipelineOf([a, b], [step('a', '/k', '/x'), step('b', '/k', '/y')]).pipeline);
    run.push('{"k":1}\n');
    expect([a.calls.length, b.calls.length]).toEqual([1, 1]);
    b.calls[0]?.answer('"B"');
    a.calls[0]?.answer('"A"');
    await settled();
    expect(run.lines).toEqual(['{"k":1,"x":"A","y":"B"}']);
  });

  it('a step that reads below the answer of another one is called when that answer is there', async () => {
    const [city, country] = [new ScriptedLookup('city'), new ScriptedLookup('country')];
    const steps = [step('country', '/city/country', '/country'), step('city', '/k', '/city')];
    const run = new Run(pipelineOf([city, country], steps).pipeline);
    run.push('{"k":"ORD"}\n');
    expect(country.calls.length).toBe(0);
    city.calls[0]?.answer('{"name":"Chicago","country":"US"}');
    await settled();
    expect(country.calls[0]?.args).toEqual({ key: 'US' });
    country.calls[0]?.answer('{"name":"United States"}');
    await settled();
    expect(run.lines).toEqual([
      '{"k":"ORD","country":{"name":"United States"},"city":{"name":"Chicago","country":"US"}}',
    ]);
  });

  it('a step that reads from an unknown answer has a miss without a call', async () => {
    const country = new ScriptedLookup('country');
    const steps = [step('city', '/k', '/city'), step('country', '/city/country', '/country')];
    const { pipeline } = pipelineOf([new ScriptedLookup('city', miss), country], steps);
    expect(await linesOf(pipeline, '{"k":"?"}\n')).toEqual(['{"k":"?","city":null,"country":null}']);
    expect(country.calls.length).toBe(0);
  });

  it('a number keeps its spelling on the way into a lookup', async () => {
    const a = new ScriptedLookup('a');
    const run = new Run(pipelineOf([a], [step('a', '/k', '/x')]).pipeline);
    const spellings = ['12345678901234567890', '1.50', '1.0', '1e2', '-0', '1E+2', '0.10', '{"b":1.0}', '[1.0]'];
    // A line with an umlaut is parsed: the scan reads ASCII only.
    for (const spelling of spellings) run.push(`{"k":${spelling}}\n{"ü":0, "k": ${spelling} }\n`);
    expect(a.calls.map((call) => call.args['key'])).toEqual(
      spellings.flatMap((spelling) => [new RawJson(spelling), new RawJson(spelling)]),
    );
    run.stream.abort('test over');
  });

  it('an argument is found at any depth, also behind members that look like it', async () => {
    const a = new ScriptedLookup('a');
    const run = new Run(pipelineOf([a], [step('a', '/k/b~1c/1', '/x')]).pipeline);
    for (const value of ['7', '1.0', '"t"', 'true', '{"z": 1.0}']) {
      const line = `{"k":{"b/c":["k",0]},"k":{"b/c":[0],"b":{"c":[0,1]},"b\\/c":[{"b/c":[1,2]}, ${value} ,3]}}`;
      run.push(`${line}\n${line.replace('"k"', '"ü":1,"k"')}\n`);
    }
    const values = [7, new RawJson('1.0'), 't', true, new RawJson('{"z": 1.0}')];
    expect(a.calls.map((call) => call.args['key'])).toEqual(values.flatMap((value) => [value, value]));
    run.stream.abort('test over');
  });

  it('a null or absent argument is an error that names its place', async () => {
    const { pipeline } = pipelineOf([new ScriptedLookup('a')], [step('a', '/k', '/x')]);
    const [absent, empty] = await linesOf(pipeline, '{"z":1}\n{"k":null}\n');
    expect(JSON.parse(absent ?? '')).toEqual({
      z: 1,
      _error: {
        code: 'missing_argument',
        message: '/k is missing; argument {key} is read from it',
        lookup: 'a',
        line: 1,
      },
    });
    expect(empty).toContain('/k is null');
  });

  it('constants of the configuration are arguments too', async () => {
    const a = new ScriptedLookup('a');
    const { pipeline } = pipelineOf([a], [step('a', '/k', '/x', { with: { key: { value: 'fixed' }, k: '/k' } })]);
    new Run(pipeline).push('{"k":1}\n');
    expect(a.calls[0]?.args).toEqual({ key: 'fixed', k: 1 });
  });
});

describe('when', () => {
  const conditional = step('a', '/iata', '/x', { when: 'record.flag == true && has(record.iata)' });

  it('false leaves the record byte for byte as it was', async () => {
    const { pipeline } = pipelineOf([new ScriptedLookup('a', found('1'))], [conditional]);
    expect(await linesOf(pipeline, '{"flag":false , "iata":"X"}\n{"flag":true}\n')).toEqual([
      '{"flag":false , "iata":"X"}',
      '{"flag":true}',
    ]);
  });

  it('true calls the lookup', async () => {
    const { pipeline } = pipelineOf([new ScriptedLookup('a', found('1'))], [conditional]);
    expect(await linesOf(pipeline, '{"flag":true,"iata":"X"}\n')).toEqual(['{"flag":true,"iata":"X","x":1}']);
  });

  it('reading an absent member is an error of that record', async () => {
    const { pipeline } = pipelineOf([new ScriptedLookup('a', found('1'))], [conditional]);
    const [line] = await linesOf(pipeline, '{"iata":"X"}\n');
    expect(JSON.parse(line ?? '')._error).toMatchObject({ code: 'expression_error', lookup: 'a' });
    expect(line).toContain('enrich[0].when, line 1, column 8: record has no member \\"flag\\"');
  });
});

const failing = () => {
  throw new RecordError('bad_status', 'answered 503', { status: 503, attempts: 3 });
};

describe('onError', () => {
  const { lookup, steps } = { lookup: new ScriptedLookup('a', failing), steps: [step('a', '/k', '/x')] };
  const body = '{"k":1}\n';

  it('annotate: the record goes out unchanged but for _error', async () => {
    const { pipeline } = pipelineOf([lookup], steps);
    expect(await linesOf(pipeline, `\n${body}`)).toEqual([
      '{"k":1,"_error":{"code":"bad_status","message":"answered 503","lookup":"a","status":503,"attempts":3,"line":2}}',
    ]);
  });

  it('drop: the record has no output', async () => {
    const { pipeline } = pipelineOf([lookup], steps, { onError: 'drop' });
    expect(await linesOf(pipeline, body)).toEqual([]);
  });

  it('passthrough: the record goes out as it came', async () => {
    const { pipeline } = pipelineOf([lookup], steps, { onError: 'passthrough' });
    expect(await linesOf(pipeline, body)).toEqual(['{"k":1}']);
  });

  it('a value replaces the answer, and the other steps go on', async () => {
    const b = new ScriptedLookup('b', found('2'));
    const { pipeline } = pipelineOf([lookup, b], [...steps, step('b', '/k', '/y')], { onError: { value: { n: 0 } } });
    expect(await linesOf(pipeline, body)).toEqual(['{"k":1,"x":{"n":0},"y":2}']);
  });

  it('fail: the stream ends with an error, after the records before it', async () => {
    const a = new ScriptedLookup('a');
    const run = new Run(pipelineOf([a], steps, { onError: 'fail' }).pipeline);
    run.push('{"k":1}\n{"k":2}\n{"k":3}\n');
    a.calls[1]?.fail(new RecordError('timeout', 'too slow'));
    await settled();
    expect(run.failure).toBeUndefined();
    a.calls[0]?.answer('1');
    await settled();
    expect(run.lines).toEqual(['{"k":1,"x":1}']);
    expect(run.failure?.message).toBe('line 2: timeout: too slow');
    expect(a.calls[2]?.context.cancelled).toBe(true);
  });

  it('the first failure decides, and the calls that still run for the record are cancelled', async () => {
    const [a, b] = [new ScriptedLookup('a'), new ScriptedLookup('b')];
    const run = new Run(pipelineOf([a, b], [step('a', '/k', '/x'), step('b', '/k', '/y')]).pipeline);
    run.push(body);
    a.calls[0]?.fail(new RecordError('unreachable', 'refused'));
    await settled();
    expect(run.lines[0]).toContain('"code":"unreachable"');
    expect(b.calls[0]?.context.cancelled).toBe(true);
  });
});

describe('the time of a record', () => {
  it('running out is the error timeout, and cancels the call', async () => {
    const a = new ScriptedLookup('a');
    const { pipeline, clock } = pipelineOf([a], [step('a', '/k', '/x')], { timeout: 100 });
    const run = new Run(pipeline);
    run.push('{"k":1}\n');
    await clock.advance(100);
    await settled();
    expect(JSON.parse(run.lines[0] ?? '')._error).toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('(100 ms) ran out'),
      lookup: 'a',
      line: 1,
    });
    expect(a.calls[0]?.context.cancelled).toBe(true);
  });

  it('running out with a fallback value keeps the answers that are there', async () => {
    const [a, b] = [new ScriptedLookup('a'), new ScriptedLookup('b', found('2'))];
    const steps = [step('a', '/k', '/x'), step('b', '/k', '/y')];
    const { pipeline, clock } = pipelineOf([a, b], steps, { timeout: 100, onError: { value: null } });
    const run = new Run(pipeline);
    run.push('{"k":1}\n');
    await clock.advance(100);
    await settled();
    expect(run.lines).toEqual(['{"k":1,"x":null,"y":2}']);
  });
});

describe('onMiss', () => {
  const lookups = [new ScriptedLookup('a', miss), new ScriptedLookup('b', found('2'))];
  const steps = [step('a', '/k', '/x'), step('b', '/k', '/y')];
  const cases = [
    ['null', ['{"k":1,"x":null,"y":2}']],
    ['omit', ['{"k":1,"y":2}']],
    ['drop', []],
  ] as const;
  it.each(cases)('%s', async (onMiss, lines) => {
    expect(await linesOf(pipelineOf(lookups, steps, { onMiss }).pipeline, '{"k":1}\n')).toEqual(lines);
  });

  it('error: the record fails with not_found', async () => {
    const [line] = await linesOf(pipelineOf(lookups, steps, { onMiss: 'error' }).pipeline, '{"k":1}\n');
    expect(JSON.parse(line ?? '')).toMatchObject({ k: 1, _error: { code: 'not_found', lookup: 'a', attempts: 1 } });
  });
});

const build = (onInvalid: 'annotate' | 'drop' | 'fail') =>
  pipelineOf([new ScriptedLookup('a', found('1'))], [step('a', '/k', '/x')], { onInvalid }).pipeline;

describe('onInvalid', () => {
  it('annotate: a line of _error alone, with the input, and its neighbours unchanged', async () => {
    const lines = await linesOf(build('annotate'), '{"k":1}\n{"k":\n[1]\n{"k":2}\n');
    expect(lines[0]).toBe('{"k":1,"x":1}');
    expect(lines[3]).toBe('{"k":2,"x":1}');
    expect(JSON.parse(lines[1] ?? '')._error).toMatchObject({ code: 'invalid_json', line: 2, input: '{"k":' });
    expect(JSON.parse(lines[2] ?? '')._error).toMatchObject({ code: 'not_an_object', line: 3, input: '[1]' });
  });

  it('drop: the line has no output', async () => {
    expect(await linesOf(build('drop'), '{"k":1}\nx\n')).toEqual(['{"k":1,"x":1}']);
  });

  it('fail: ends the stream and names the line', async () => {
    const run = new Run(build('fail'));
    run.push('{"k":1}\nx\n');
    await settled();
    expect(run.lines).toEqual(['{"k":1,"x":1}']);
    expect(run.failure?.extra).toEqual({ line: 2, recordCode: 'invalid_json' });
  });
});

describe('explode', () => {
  it('gives one line for each element, none for an empty array, and one for any other answer', async () => {
    const answers = ['[{"v":1.0}, 2]', '[]', '"one"'];
    const lookup = new ScriptedLookup('a', ({ key }) => new Answer(answers[Number(key)]));
    const { pipeline } = pipelineOf([lookup], [step('a', '/k', '/x')], { explode: true });
    expect(await linesOf(pipeline, '{"k":0}\n{"k":1}\n{"k":2}\n')).toEqual([
      '{"k":0,"x":{"v":1.0}}',
      '{"k":0,"x":2}',
      '{"k":2,"x":"one"}',
    ]);
  });
});

describe('meta', () => {
  it('has the configured fields, by the place of each step', async () => {
    const { pipeline } = pipelineOf([new ScriptedLookup('a', found('1'))], [step('a', '/k', '/x')]);
    const [line] = await linesOf(pipeline, '{"k":1}\n', { meta: ['seq', 'source', 'attempts'] });
    expect(line).toBe('{"k":1,"x":1,"_meta":{"seq":0,"source":{"/x":"call"},"attempts":{"/x":1}}}');
  });

  it('timing is the time from admission to the outcome', async () => {
    const a = new ScriptedLookup('a');
    const { pipeline, clock } = pipelineOf([a], [step('a', '/k', '/x')]);
    const run = new Run(pipeline, { meta: ['timing'] });
    run.push('{"k":1}\n');
    await clock.advance(25);
    a.calls[0]?.answer('1');
    await settled();
    expect(run.lines).toEqual(['{"k":1,"x":1,"_meta":{"timing":{"ms":25}}}']);
  });
});
