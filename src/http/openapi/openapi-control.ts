import { duplexes } from '../../core/vocabulary.ts';
import { MAX_LINE_NUMBER } from '../../wire/control.ts';

/** Control lines, as the OpenAPI document shows them. */
const seq = { type: 'integer', minimum: 0 };
const count = { type: 'integer', minimum: 0 };

function place(line: object): object {
  return {
    type: 'object',
    required: ['next', 'pending'],
    additionalProperties: false,
    properties: {
      next: { ...line, description: 'All lines before this one, counted from 0, are done, except the pending ones.' },
      pending: {
        type: 'array',
        items: line,
        description: 'Lines before `next` that are not done, in ascending order.',
      },
    },
  };
}

function controlLine(name: string, description: string, value: object): object {
  return { type: 'object', description, required: [name], additionalProperties: false, properties: { [name]: value } };
}

const schema = (name: string): object => ({ $ref: `#/components/schemas/${name}` });

export const controlParameters = {
  control: {
    type: 'string',
    enum: ['true', 'false'],
    description:
      'true: a line whose first member begins with `$` is a control line, in both directions. Default false: a record may have any member.',
  },
  checkpoint: {
    type: 'string',
    description:
      'With `control=true`: write a `$checkpoint` line each time this many lines of the input are out (`1000`), or this long after the first of them is out (`5s`, 10ms to 24h). A checkpoint with pending lines waits until as many lines are out as are pending, but at most a second. A checkpoint is also written when the service begins to drain, and before a cut.',
  },
  offset: {
    type: 'integer',
    minimum: 0,
    maximum: MAX_LINE_NUMBER,
    description:
      'The number of the first line of the body in the whole input. Default 0. The same as a `$resume` without pending lines.',
  },
  duplex: {
    type: 'string',
    enum: duplexes,
    description:
      'Whether the client reads while it sends. half: output that it does not read waits on disk. auto: it is found out. The header `Millrace-Duplex` has the same values. Default: that of the pipeline.',
  },
};

export const controlSchemas = {
  InputLine: { anyOf: [schema('Record'), schema('Watermark'), schema('Resume')] },
  OutputLine: {
    anyOf: [
      schema('EnrichedRecord'),
      schema('Watermark'),
      schema('Checkpoint'),
      schema('StreamSummary'),
      schema('StreamFatal'),
    ],
  },
  Watermark: controlLine(
    '$watermark',
    'With `control=true`: no record passes a watermark in either direction, and it comes out unchanged. It takes a slot and counts as a line.',
    { description: 'Any JSON value.' },
  ),
  Resume: controlLine(
    '$resume',
    'With `control=true`, as the first line of the body, which is not counted: the pending lines follow in their order, then line `next` and all after it. A resume that cannot be taken ends the stream with `bad_resume`.',
    place({ ...seq, maximum: MAX_LINE_NUMBER }),
  ),
  Checkpoint: controlLine(
    '$checkpoint',
    'With `control=true`: the output of all lines before `next`, except the pending ones, is above this line. Blank lines and control lines are counted too. In ordered mode no line is pending.',
    place(seq),
  ),
  StreamSummary: controlLine('$summary', 'With `control=true`: the last line of a complete stream.', {
    type: 'object',
    required: ['status', 'read', 'written', 'errors', 'misses', 'dropped', 'durationMs'],
    properties: {
      status: { const: 'complete' },
      read: { ...count, description: 'Records read. Control lines and blank lines are not counted.' },
      written: { ...count, description: 'Lines written. Control lines are not counted.' },
      errors: count,
      misses: count,
      dropped: count,
      durationMs: { ...count, description: 'Milliseconds since the stream was opened.' },
    },
  }),
  StreamFatal: controlLine(
    '$fatal',
    'With `control=true`: the last line of a stream that is cut before it is complete. It says why.',
    schema('Problem'),
  ),
};
