import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../src/core/errors.ts';
import { Answer } from '../../../src/lookup/lookup.ts';
import { pipelineOf, Run, ScriptedLookup, settled, step } from '../harness.ts';

/** Promises, and what they start, but no turn of the event loop. */
const promisesSettled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

const steps = [step('a', '/k', '/x')];
const body = (count: number) => Array.from({ length: count }, (_, k) => `{"k":${k}}\n`).join('');

describe('a stream', () => {
  it('writes an answer before the body is complete', async () => {
    const a = new ScriptedLookup('a');
    const run = new Run(pipelineOf([a], steps).pipeline);
    run.push('{"k":1}\n{"k"');
    a.calls[0]?.answer('1');
    await settled();
    expect(run.output).toBe('{"k":1,"x":1}\n');
  });

  it('never has more calls under way than its capacity, and wants no more body while it is full', async () => {
    const a = new ScriptedLookup('a');
    const run = new Run(pipelineOf([a], steps).pipeline, { capacity: 3 });
    expect(run.push(body(5))).toBe(false);
    expect(run.stream.backpressure).toBe('capacity');
    expect(a.calls.length).toBe(3);
    a.calls[0]?.answer('1');
    await settled();
    expect([a.calls.length, run.resumed]).toEqual([4, 0]);
    a.calls[1]?.answer('1');
    await settled();
    expect([a.calls.length, run.resumed]).toEqual([5, 1]);
    expect(run.stream.gauges.highestInFlight).toBe(3);
    run.stream.abort('test over');
  });

  it('a completed record holds its slot until it is read', async () => {
    const a = new ScriptedLookup('a', () => new Answer('1'));
    const run = new Run(pipelineOf([a], steps).pipeline, { capacity: 2 });
    run.room = false;
    run.push(body(2));
    await settled();
    expect(run.lines.length).toBe(2);
    expect(run.push(body(9))).toBe(false);
    await settled();
    expect(run.lines.length).toBe(2);
    expect(run.stream.backpressure).toBe('slow_reader');
    expect(run.stream.gauges.completedWaiting).toBe(2);
    run.room = true;
    run.stream.readerReady();
    await settled();
    expect(run.lines.length).toBe(11);
    expect(run.resumed).toBe(1);
  });

  it('writes once for all records that are ready in one turn', async () => {
    const run = new Run(pipelineOf([new ScriptedLookup('a', () => new Answer('1'))], steps).pipeline, { capacity: 10 });
    run.push(body(200));
    run.stream.endBody();
    await settled();
    expect(run.lines.length).toBe(200);
    expect(run.writes).toBe(1);
  });

  it('starts the next record in the turn in which a slot becomes free, and writes once for all of that turn', async () => {
    const a = new ScriptedLookup('a');
    const run = new Run(pipelineOf([a], steps).pipeline, { capacity: 2 });
    run.push(body(6));
    a.calls[0]?.answer('1');
    await promisesSettled();
    expect([a.calls.length, run.writes]).toEqual([3, 0]);
    a.calls[1]?.answer('1');
    await promisesSettled();
    expect([a.calls.length, run.writes]).toEqual([4, 0]);
    await settled();
    expect([run.lines.length, run.writes]).toEqual([2, 1]);
    run.stream.abort('test over');
  });

  it('emitted outcomes are written before a cut of the same turn', async () => {
    const a = new ScriptedLookup('a');
    const run = new Run(pipelineOf([a], steps).pipeline);
    run.push(body(2));
    a.calls[0]?.answer('1');
    await promisesSettled();
    expect(run.output).toBe('');
    run.stream.cut(new RequestError('draining', 'the service stops'));
    expect(run.output).toBe('{"k":0,"x":1}\n');
    await settled();
    expect(run.writes).toBe(1);
  });

  it('ends with its counts', async () => {
    const replies = [new Answer('1'), new Answer(undefined)];
    const a = new ScriptedLookup('a', ({ key }) => replies[Number(key)] ?? new Answer('0'));
    const run = new Run(pipelineOf([a], steps).pipeline);
    run.push('{"k":0}\n\n{"k":1}\nnothing\n{"k":2}');
    run.stream.endBody();
    await settled();
    expect(run.summary).toEqual({ read: 4, written: 4, errors: 1, misses: 1, dropped: 0 });
  });

  it('without a body it ends immediately', async () => {
    const run = new Run(pipelineOf([new ScriptedLookup('a')], steps).pipeline);
    run.stream.endBody();
    await settled();
    expect(run.summary).toEqual({ read: 0, written: 0, errors: 0, misses: 0, dropped: 0 });
  });

  it('when the reader is gone every call is cancelled and no more text is written', async () => {
    const a = new ScriptedLookup('a');
    const run = new Run(pipelineOf([a], steps).pipeline);
    run.push(body(3));
    run.stream.abort('client is gone');
    expect(a.calls.every((call) => call.context.cancelled)).toBe(true);
    a.calls[0]?.answer('1');
    await settled();
    expect([run.output, run.summary]).toEqual(['', undefined]);
  });

  it('frames text sequences and events, as the request says', async () => {
    const { pipeline } = pipelineOf([new ScriptedLookup('a', () => new Answer('1'))], steps);
    const run = new Run(pipeline, {
      framing: { mediaType: 'text/event-stream', prefix: 'data: ', suffix: '\n\n', crEndsLine: true },
    });
    run.push(body(2));
    await settled();
    expect(run.output).toBe('data: {"k":0,"x":1}\n\ndata: {"k":1,"x":1}\n\n');
    run.stream.abort('test over');
  });
});
