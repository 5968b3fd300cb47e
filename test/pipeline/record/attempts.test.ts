import { describe, expect, test } from 'vitest';
import { RecordError } from '../../../src/core/errors.ts';
import { silentObserver } from '../../../src/core/observer/observer.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { argumentsKey } from '../../../src/lookup/arguments-key.ts';
import { Breaker } from '../../../src/lookup/breaker/breaker.ts';
import { breakerOptions } from '../../../src/lookup/breaker/breaker-options.ts';
import { Coalesce } from '../../../src/lookup/coalesce/coalesce.ts';
import { Answer, type Arguments, stack } from '../../../src/lookup/lookup.ts';
import { lookupRetry } from '../../../src/lookup/retry/lookup-retry.ts';
import { retryOptions } from '../../../src/lookup/retry/retry-options.ts';
import type { Lookup } from '../../../src/pipeline/lookups/lookups.ts';
import { pipelineOf, Run, ScriptedLookup, settled, step } from '../harness.ts';

const body = '{"k":1}\n';
const errorsOf = (run: Run): unknown[] => run.lines.map((line) => JSON.parse(line)._error ?? JSON.parse(line)._meta);

test.each([1, 2])('a call that fails without a promise is an attempt, also with %d steps', async (steps) => {
  const far = new ScriptedLookup('far', () => {
    throw new RecordError('function_error', 'at once');
  });
  const all = [step('far', '/k', '/x'), step('far', '/k', '/y')].slice(0, steps);
  const run = new Run(pipelineOf([far], all).pipeline);
  run.push(body);
  await settled();
  expect(errorsOf(run)).toMatchObject([{ code: 'function_error', attempts: 1 }]);
});

test('a record that a step cannot read has no attempts', async () => {
  const far = new ScriptedLookup('far', () => new Answer('1'));
  const steps = [step('far', '/k', '/k/x'), step('far', '/k/x', '/y')];
  const run = new Run(pipelineOf([far], steps).pipeline);
  run.push('{"k":1}\n{}\n');
  await settled();
  expect(errorsOf(run)).toEqual([
    expect.not.objectContaining({ attempts: expect.anything() }),
    expect.not.objectContaining({ attempts: expect.anything() }),
  ]);
  expect(errorsOf(run)).toMatchObject([{ code: 'not_an_object' }, { code: 'missing_argument' }]);
});

/** The lookup `far` below `coalesce`, `retry` and `breaker`: a second try follows the first after 10 ms. */
function retried(far: ScriptedLookup, clock = virtualClock()): Lookup {
  const observer = silentObserver.lookup('far');
  const options = retryOptions.parse({
    attempts: 9,
    on: ['unreachable', 'breaker_open'],
    backoff: { initial: '10ms', multiplier: 1, jitter: 'none' },
    budget: { perSecond: 1000 },
  });
  const breaker = new Breaker<Arguments, Answer>(breakerOptions.parse({ minimum: 2, open: '40ms' }), {
    lookup: 'far',
    clock,
    observer,
  });
  return {
    name: 'far',
    immediate: false,
    runsUserCode: false,
    largestAnswerBytes: 0,
    call: stack(
      // The call has begun before the breaker decides, as below the layer `limit`.
      (args: Arguments, context) => {
        context.callBegins();
        return breaker.layer((_, inner) => far.hold(args, inner))(args, context);
      },
      new Coalesce<Arguments, Answer>(argumentsKey, () => 0.5).layer,
      lookupRetry(options, { clock, random: () => 0, observer }),
    ),
    describe: () => ({}),
    waitMs: () => 0,
    layers: [],
    close: async () => {},
  };
}

describe('the time of a record that runs out has as its attempts', () => {
  test('the calls that were made, also for a record that shares them and came later', async () => {
    const far = new ScriptedLookup('far');
    const { pipeline, clock } = pipelineOf([far], [step('far', '/k', '/x')], { timeout: 100 });
    const shared = pipelineOf([retried(far, clock)], [step('far', '/k', '/x')], { timeout: 100 }, clock).pipeline;
    const [alone, first, second] = [new Run(pipeline), new Run(shared), new Run(shared)];
    alone.push(body);
    first.push(body);
    far.calls[1]?.fail(new RecordError('unreachable', 'refused'));
    await settled();
    await clock.advance(10);
    second.push(body);
    expect(far.calls).toHaveLength(3);
    await clock.advance(100);
    await settled();
    expect([alone, first, second].map(errorsOf)).toMatchObject([
      [{ code: 'timeout', lookup: 'far', attempts: 1 }],
      [{ code: 'timeout', lookup: 'far', attempts: 2 }],
      [{ code: 'timeout', lookup: 'far', attempts: 2 }],
    ]);
  });

  test('no attempt that a breaker has refused', async () => {
    const far = new ScriptedLookup('far');
    const clock = virtualClock();
    const { pipeline } = pipelineOf([retried(far, clock)], [step('far', '/k', '/x')], { timeout: 100 }, clock);
    const run = new Run(pipeline);
    run.push(body);
    for (const failing of [0, 1]) {
      far.calls[failing]?.fail(new RecordError('unreachable', 'refused'));
      await settled();
      await clock.advance(10);
    }
    // At 20 ms the open breaker refuses the third attempt, and at 50 ms the fourth one makes the third call.
    await clock.advance(80);
    await settled();
    expect(far.calls).toHaveLength(3);
    expect(errorsOf(run)).toMatchObject([{ code: 'timeout', attempts: 3 }]);
  });

  test('the calls of the step that is named, not those of other steps', async () => {
    const [a, b] = [new ScriptedLookup('a'), new ScriptedLookup('b')];
    const steps = [step('a', '/k', '/x'), step('b', '/x', '/y'), step('b', '/k', '/z')];
    const { pipeline, clock } = pipelineOf([a, b], steps, { timeout: 100 });
    const run = new Run(pipeline);
    run.push(body);
    b.calls[0]?.answer('3');
    a.calls[0]?.answer('2');
    await settled();
    expect(b.calls).toHaveLength(2);
    await clock.advance(100);
    await settled();
    expect(errorsOf(run)).toMatchObject([{ code: 'timeout', lookup: 'b', attempts: 1 }]);
  });

  test('also in _meta, if a value of onError replaces the answer', async () => {
    const far = new ScriptedLookup('far');
    const { pipeline, clock } = pipelineOf([far], [step('far', '/k', '/x')], {
      timeout: 100,
      onError: { value: 0 },
      meta: ['attempts'],
    });
    const run = new Run(pipeline);
    run.push(body);
    await clock.advance(100);
    await settled();
    expect(errorsOf(run)).toEqual([{ attempts: { '/x': 1 } }]);
  });
});

const repeated = (far: ScriptedLookup) =>
  pipelineOf([far], [step('far', '/k/next', '/k', { repeat: { until: 'has(answer.last)', max: 9 } })], {
    timeout: 100,
  });

describe('a step that repeats and fails has as its attempts the calls of all its rounds', () => {
  test.each([
    ['of a lookup', new RecordError('unreachable', 'refused'), 'unreachable', 3],
    ['of a lookup that counts its own', new RecordError('bad_status', '503', { attempts: 4 }), 'bad_status', 6],
    ['that a breaker refuses', new RecordError('breaker_open', 'open', { attempts: 0 }), 'breaker_open', 2],
  ])('by a failure %s', async (_, failure, code, attempts) => {
    const far = new ScriptedLookup('far');
    const run = new Run(repeated(far).pipeline);
    run.push('{"k":{"next":1}}\n');
    for (const round of [0, 1]) {
      far.calls[round]?.answer('{"next":2}');
      await settled();
    }
    far.calls[2]?.fail(failure);
    await settled();
    expect(errorsOf(run)).toMatchObject([{ code, attempts, lookup: 'far' }]);
  });

  test('by a missing argument, or the end of its time', async () => {
    const far = new ScriptedLookup('far');
    const { pipeline, clock } = repeated(far);
    const run = new Run(pipeline);
    run.push('{"k":{"next":1}}\n{"k":{"next":2}}\n');
    far.calls[0]?.answer('{}');
    far.calls[1]?.answer('{"next":3}');
    await settled();
    await clock.advance(100);
    await settled();
    expect(errorsOf(run)).toMatchObject([
      { code: 'missing_argument', attempts: 1 },
      { code: 'timeout', attempts: 2 },
    ]);
  });

  test('also for a lookup that answers immediately', async () => {
    // `hold` stands for the turns of the event loop between many rounds.
    const far = new ScriptedLookup('far', undefined, true);
    const { pipeline, clock } = repeated(far);
    const run = new Run(pipeline);
    run.push('{"k":{"next":1}}\n');
    await settled();
    far.calls[0]?.answer('{"next":2}');
    await settled();
    await clock.advance(100);
    await settled();
    expect(errorsOf(run)).toMatchObject([{ code: 'timeout', attempts: 2 }]);
  });
});
