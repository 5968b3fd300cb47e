import { errorPolicies, metaFields, missPolicies, modes } from '../../core/vocabulary.ts';
import { z } from 'zod';
import { grammars } from '../../core/options/grammar.ts';
import { dataNumber, jsonData } from '../../core/options/data-schema.ts';
import { celExpression, durationFrom, memberPointer, oneOf, pointer, wholeNumber } from './values.ts';

const constant = z
  .strictObject({
    value: z
      .union([z.string(), dataNumber, z.boolean()], 'expected a string, a number, true or false')
      .describe('The same argument for every record; a number keeps its spelling.')
      .register(grammars, { grammar: 'data template' }),
  })
  .describe('A constant.');

const source = z.union(
  [pointer, constant],
  'expected a JSON Pointer such as /origin, or a constant such as { value: eu }',
);

export const repeatSchema = z
  .strictObject({
    until: celExpression('record and answer').describe(
      'A CEL expression on `answer` and on `record` with the answer in it; true ends the repetition.',
    ),
    max: wholeNumber(1, 10_000).describe(
      'Lookups at the most, the first one counted, 1 to 10000. Without `until` by then the record has the error invalid_result.',
    ),
  })
  .describe(
    'Puts the answer into the record and asks again with arguments taken from there, until an expression holds. Default: one lookup.',
  );

export const stepSchema = z
  .strictObject({
    lookup: z.string('expected the name of a lookup').describe('Name of the lookup that is asked.'),
    with: z
      .record(z.string(), source, 'expected a map from argument to JSON Pointer, such as { iata: /origin }')
      .default({})
      .describe(
        'Where each argument of the lookup comes from: a JSON Pointer into the record, or { value: ... } for a constant.',
      ),
    into: memberPointer.describe('Where the answer is put: a JSON Pointer; members on the way are made.'),
    when: celExpression('record')
      .exactOptional()
      .describe(
        'A CEL expression on `record`; false skips the lookup and leaves the record as it was. Default: always.',
      ),
    repeat: repeatSchema.exactOptional(),
  })
  .describe('One lookup for each record. Steps run at the same time, unless one reads what another writes.');

const settable = ['mode', 'capacity', 'timeout', 'onError', 'meta'] as const;

const mode = oneOf(modes);
const capacity = wholeNumber(1, 1_000_000);
const timeout = durationFrom(0);

const allow = z
  .strictObject({
    parameters: z
      .array(oneOf(settable), 'expected a list such as [mode, capacity]')
      .default(['mode', 'capacity', 'timeout'])
      .describe('The query parameters that a client may set. Default mode, capacity and timeout: what cannot do harm.'),
    capacity: capacity
      .exactOptional()
      .describe('The highest capacity that a client may ask for, 1 to 1000000. Default: that of the pipeline.'),
    timeout: timeout
      .exactOptional()
      .describe('The longest timeout that a client may ask for; 0s is no bound. Default: that of the pipeline.'),
  })
  .describe('What a client may decide for its own stream.');

const onError = z.union(
  [
    oneOf(errorPolicies),
    z
      .strictObject({
        value: jsonData.describe('Any JSON; a number keeps its spelling.').register(grammars, { grammar: 'data' }),
      })
      .describe('An answer to use instead of the missing one.'),
  ],
  `expected ${errorPolicies.join(', ')} or { value: ... }`,
);

const keyForKeyed = z.superRefine<object>(
  (pipeline, context) => {
    if ('key' in pipeline || !('mode' in pipeline) || pipeline.mode !== 'keyed') return;
    const message = 'mode keyed needs the place of the key, such as key: /origin';
    context.addIssue({ code: 'custom', path: ['key'], message });
  },
  {
    // Another mistake in the same pipeline must not hide this one.
    when: ({ value }) => typeof value === 'object' && value !== null,
  },
);

export const pipelineSchema = z
  .strictObject({
    mode: mode
      .default('ordered')
      .describe(
        'ordered: in the order of the input. unordered: as they are done. keyed: as they are done, but records of one key one after the other. Default ordered: it surprises nobody.',
      ),
    key: pointer
      .exactOptional()
      .describe(
        'Where the key of a record stands, for mode keyed: a JSON Pointer such as /origin. A record without one is an error, whatever onMissingArgument says. Default none: no stream can be keyed.',
      ),
    capacity: capacity
      .default(100)
      .describe('Records between admission and emission, 1 to 1000000; with none free the input waits. Default 100.'),
    timeout: timeout
      .prefault('10s')
      .describe('The time of one record over all attempts, its wait for a slot not counted; 0s is none. Default 10s.'),
    enrich: z
      .array(stepSchema, 'expected a list of steps')
      .min(1, 'expected at least one step')
      .describe('The lookups of each record, at least one.'),
    onError: onError
      .default('annotate')
      .describe(
        'A record whose lookup failed. annotate: it goes out with _error. fail: the stream ends. drop: it is left out. passthrough: it goes out as it came. { value: ... }: as if that had been the answer. Default annotate: nothing is lost unseen.',
      ),
    onMiss: oneOf(missPolicies, ' (null itself needs quotes: "null")')
      .default('null')
      .describe(
        'A lookup that knows nothing: put null, omit the member, drop the record, or make it an error. Default null.',
      ),
    onMissingArgument: oneOf(['error', 'miss'])
      .default('error')
      .describe(
        'A place that an argument is read from is absent or null in the record. error: the record has the error missing_argument. miss: the lookup is not called, and onMiss decides, as in a LEFT JOIN of SQL on a null key. Default error: a wrong pointer is found at once.',
      ),
    onInvalid: oneOf(['annotate', 'fail', 'drop'])
      .default('annotate')
      .describe('A line that is no JSON object: an _error line, the end of the stream, or left out. Default annotate.'),
    explode: z
      .boolean('expected true or false')
      .default(false)
      .describe(
        'true: an answer that is an array gives one line for each element, none for an empty one. Default false.',
      ),
    meta: z
      .array(oneOf(metaFields), 'expected a list such as [seq, timing]')
      .default([])
      .describe('What _meta holds in each line. Default nothing: the record is all that goes out.'),
    allow: allow.prefault({}),
  })
  .check(keyForKeyed)
  .meta({
    anyOf: [
      { required: ['key'] },
      { not: { required: ['mode'], properties: { mode: { const: 'keyed', description: 'keyed needs a key.' } } } },
    ],
  })
  .transform((pipeline) => ({
    ...pipeline,
    allow: { capacity: pipeline.capacity, timeout: pipeline.timeout, ...pipeline.allow },
  }))
  .describe('A stream of records, and what is looked up for each.');

export type StepConfig = z.output<typeof stepSchema>;
export type OnError = z.output<typeof onError>;
export type PipelineConfig = z.output<typeof pipelineSchema>;
