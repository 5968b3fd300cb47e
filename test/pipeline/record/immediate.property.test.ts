import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Answer } from '../../../src/lookup/lookup.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { pipelineOf, Run, ScriptedLookup, settled, step } from '../harness.ts';

/** The key determines the answer: an object, a list, none, a failure. */
function reply(key: unknown): Answer {
  const text = String(key);
  if (text.startsWith('none')) return new Answer(undefined);
  if (text.startsWith('list')) return new Answer('[1,[2],"]"]');
  if (text.startsWith('bad')) throw new RecordError('bad_status', 'no such thing', { status: 400, attempts: 1 });
  return new Answer(`{"of":${JSON.stringify(text)}}`);
}

const key = fc.oneof(
  fc.constantFrom('none', 'list', 'bad', 'SAT', 'é€𝄞', ''),
  fc.integer(),
  fc.constantFrom(null, true, [1], { a: 1 }),
);
const record = fc.record(
  { k: key, x: fc.jsonValue(), j: key, more: fc.jsonValue() },
  { requiredKeys: [], noNullPrototype: true },
);
const line = fc.oneof(
  { weight: 8, arbitrary: record.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: record.map((value) => JSON.stringify(value, undefined, ' ').replaceAll('\n', ' ')) },
  fc.constantFrom('', '{', '[1]', 'null', '{}', ' { } ', '{"k":"SAT"} ', '{"k":"a","k":"none"}', '{"\\u006b":"SAT"}'),
);

const one = [step('a', '/k', '/x')];
const shapes = {
  'one step': one,
  'a step below a member': [step('a', '/k', '/x/y')],
  'a step with a condition': [step('a', '/k', '/x', { when: 'has(record.j)' })],
  'two steps': [...one, step('b', '/j', '/y')],
  'two steps in a row': [...one, step('b', '/x/of', '/y')],
};

/** Everything that a client or a dashboard can observe. */
async function outcome(
  immediate: boolean,
  body: Buffer,
  sizes: readonly number[],
  { shape, mode, control, ...more }: Choice,
) {
  const calls: string[] = [];
  const lookup = (name: string): ScriptedLookup =>
    new ScriptedLookup(
      name,
      (args) => {
        calls.push(`${name} ${JSON.stringify(args)}`);
        return reply(args['key']);
      },
      immediate,
    );
  const { pipeline } = pipelineOf([lookup('a'), lookup('b')], shapes[shape], {
    ...more,
    key: '/k',
    onError: more.onError === 'value' ? { value: { gone: true } } : more.onError,
  });
  const settings = control ? { control: { checkpoint: { lines: 2 }, problem: () => ({}) } } : {};
  const run = new Run(pipeline, { mode, capacity: 3, ...settings });
  let at = 0;
  for (const size of sizes) {
    run.stream.push(body.subarray(at, (at += size)));
    await settled();
  }
  run.stream.push(body.subarray(at));
  await settled();
  run.stream.endBody();
  await settled();
  const { output, summary, failure } = run;
  // With slots, calls for records behind the one that ends the stream may have been made already.
  return { output, summary, failure: failure?.message, calls: failure === undefined ? calls : [] };
}

const choice = fc.record({
  shape: fc.constantFrom(...(Object.keys(shapes) as (keyof typeof shapes)[])),
  mode: fc.constantFrom('ordered' as const, 'unordered' as const, 'keyed' as const),
  control: fc.boolean(),
  onMiss: fc.constantFrom('null' as const, 'omit' as const, 'drop' as const, 'error' as const),
  onError: fc.constantFrom(
    'annotate' as const,
    'fail' as const,
    'drop' as const,
    'passthrough' as const,
    'value' as const,
  ),
  onInvalid: fc.constantFrom('annotate' as const, 'fail' as const, 'drop' as const),
  explode: fc.boolean(),
  meta: fc.subarray(['seq', 'source', 'attempts'] as const),
});
type Choice = typeof choice extends fc.Arbitrary<infer T> ? T : never;

describe('immediate lookups', () => {
  it('give the same output, summary and calls as lookups whose records take a slot', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 12 }),
        fc.array(fc.nat(40), { maxLength: 4 }),
        choice,
        async (lines, sizes, chosen) => {
          const body = Buffer.from(lines.join('\n'));
          expect(await outcome(true, body, sizes, chosen)).toEqual(await outcome(false, body, sizes, chosen));
        },
      ),
      { numRuns: 300 },
    );
  });
});
