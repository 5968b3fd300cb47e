import { duplexes, errorPolicies, metaFields, missPolicies, modes } from '../../core/vocabulary.ts';
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
      'A CEL expression on `answer`, and on `record`, which has the answer in it. true ends the repetition.',
    ),
    max: wholeNumber(1, 10_000).describe(
      'The largest number of lookups, including the first, 1 to 10000. If `until` is still false then, the record has the error invalid_result.',
    ),
  })
  .describe(
    'Repeats the lookup until an expression is true. Each answer is put into the record, and the arguments are read from the record again. Default: one lookup.',
  );

export const stepSchema = z
  .strictObject({
    lookup: z.string('expected the name of a lookup').describe('Name of the lookup.'),
    with: z
      .record(z.string(), source, 'expected a map from argument to JSON Pointer, such as { iata: /origin }')
      .default({})
      .describe(
        'Where each argument of the lookup comes from: a JSON Pointer into the record, or { value: ... } for a constant.',
      ),
    into: memberPointer.describe('Where the answer is put: a JSON Pointer. Missing members on the way are added.'),
    when: celExpression('record')
      .exactOptional()
      .describe(
        'A CEL expression on `record`; false skips the lookup and leaves the record as it was. Default: always.',
      ),
    repeat: repeatSchema.exactOptional(),
  })
  .describe('One lookup for each record. Steps run at the same time, unless one reads a member that another writes.');

const settable = ['mode', 'capacity', 'timeout', 'onError', 'meta'] as const;

const mode = oneOf(modes);
const capacity = wholeNumber(1, 1_000_000);
const timeout = durationFrom(0);

const allow = z
  .strictObject({
    parameters: z
      .array(oneOf(settable), 'expected a list such as [mode, capacity]')
      .default(['mode', 'capacity', 'timeout'])
      .describe(
        'The query parameters that a client may set. Default mode, capacity and timeout: these can do no harm.',
      ),
    capacity: capacity
      .exactOptional()
      .describe('The highest capacity that a client may ask for, 1 to 1000000. Default: that of the pipeline.'),
    timeout: timeout
      .exactOptional()
      .describe('The longest timeout that a client may ask for; 0s is no limit. Default: that of the pipeline.'),
    tokens: z
      .array(z.string('expected the name of a token'), 'expected a list of names of tokens, such as [team-a]')
      .min(1, 'expected at least one name; leave tokens out to allow every token')
      .exactOptional()
      .describe(
        'The tokens that may use the pipeline, by their names in server.auth.bearerTokens. For other tokens it is not in the list of pipelines, and a request is answered with 403. Default: every token.',
      ),
  })
  .describe('The settings that a client may choose for its own stream.');

const onError = z.union(
  [
    oneOf(errorPolicies),
    z
      .strictObject({
        value: jsonData.describe('Any JSON; a number keeps its spelling.').register(grammars, { grammar: 'data' }),
      })
      .describe('The answer that is used instead.'),
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
    // Another finding in the same pipeline must not hide this one.
    when: ({ value }) => typeof value === 'object' && value !== null,
  },
);

export const pipelineSchema = z
  .strictObject({
    mode: mode
      .default('ordered')
      .describe(
        'The order of the output. ordered: that of the input. unordered: each record when it is complete. keyed: as unordered, but records with the same key one after the other, in the order of the input. Default ordered.',
      ),
    key: pointer
      .exactOptional()
      .describe(
        'Where the key of a record is, for mode keyed: a JSON Pointer such as /origin. A record without a key is an error, whatever onMissingArgument says. Default none: no stream can be keyed.',
      ),
    capacity: capacity
      .default(100)
      .describe(
        'Records between admission and emission, 1 to 1000000. If all slots are taken, the input waits. Default 100.',
      ),
    timeout: timeout
      .prefault('10s')
      .describe('The time of one record over all attempts, without its wait for a slot; 0s is no limit. Default 10s.'),
    enrich: z
      .array(stepSchema, 'expected a list of steps')
      .min(1, 'expected at least one step')
      .describe('The lookups of each record, at least one.'),
    onError: onError
      .default('annotate')
      .describe(
        'What happens to a record whose lookup failed. annotate: it gets the member _error. fail: the stream ends. drop: it is left out. passthrough: it is written unchanged. { value: ... }: this value is used as the answer. Default annotate: no record is lost unnoticed.',
      ),
    onMiss: oneOf(missPolicies, ' (null itself needs quotes: "null")')
      .default('null')
      .describe(
        'What happens to a record if the lookup has no answer for it. null: the answer is null. omit: the member is not added. drop: the record is left out. error: the record has the error not_found. Default null.',
      ),
    onMissingArgument: oneOf(['error', 'miss'])
      .default('error')
      .describe(
        'What happens if the member that an argument is read from is missing or null. error: the record has the error missing_argument. miss: the lookup is not called, and onMiss decides, as in a LEFT JOIN of SQL on a null key. Default error: a wrong pointer is found at once.',
      ),
    onInvalid: oneOf(['annotate', 'fail', 'drop'])
      .default('annotate')
      .describe(
        'What happens to a line that is not a JSON object. annotate: a line with _error is written. fail: the stream ends. drop: the line is left out. Default annotate.',
      ),
    explode: z
      .boolean('expected true or false')
      .default(false)
      .describe(
        'true: an answer that is an array makes one line for each element, and no line if it is empty. Default false.',
      ),
    weight: wholeNumber(1, 1000)
      .default(1)
      .describe(
        'Turns of each stream of this pipeline in a round of the streams that wait for the same lookup, 1 to 1000. Default 1: all streams get the same share.',
      ),
    duplex: oneOf(duplexes)
      .default('auto')
      .describe(
        'How clients read. full: while they send; output that is not read stops the input. half: perhaps only after they have sent everything; output that is not read is spooled to disk, up to limits.spoolBytes. auto: as full, until a client still sends while it reads nothing, then as half. A request may choose. Default auto.',
      ),
    meta: z
      .array(oneOf(metaFields), 'expected a list such as [seq, timing]')
      .default([])
      .describe('The members of _meta in each line. Default none: no line has _meta.'),
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
  .describe('The settings of a stream, and the lookups of each record.');

export type StepConfig = z.output<typeof stepSchema>;
export type OnError = z.output<typeof onError>;
export type PipelineConfig = z.output<typeof pipelineSchema>;
