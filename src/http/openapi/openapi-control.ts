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
      next: { ...line, description: 'Every line before this one, from 0, is done, but for those that are pending.' },
      pending: { type: 'array', items: line, description: 'Lines before `next` that are not done, ascending.' },
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
      'true: lines whose first member begins with `$` are control lines, in both directions. Default false: a record may hold any member.',
  },
  checkpoint: {
    type: 'string',
    description:
      'With `control=true`: a `$checkpoint` line after so many lines of the input have come out (`1000`), or so long after the first one has (`5s`, 10ms to 24h). One that is due waits until as many lines have come out as it names as pending, or for a second. One more comes when the service drains, and one before a cut.',
  },
  offset: {
    type: 'integer',
    minimum: 0,
    maximum: MAX_LINE_NUMBER,
    description:
      'The number of the first line of the body in the whole input. Default 0. Short for a `$resume` with nothing pending.',
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
    'With `control=true`: no record passes it in either direction, and it comes out as it came in. It takes a slot, and counts as a line.',
    { description: 'Any JSON.' },
  ),
  Resume: controlLine(
    '$resume',
    'With `control=true`, as the first line, which does not count as one: the pending lines follow in their order, then line `next` and on. What cannot be taken ends the stream with `bad_resume`.',
    place({ ...seq, maximum: MAX_LINE_NUMBER }),
  ),
  Checkpoint: controlLine(
    '$checkpoint',
    'With `control=true`: the output of every line before `next`, but for those pending, stands above this line. Blank and control lines are counted as well. In ordered mode nothing is pending.',
    place(seq),
  ),
  StreamSummary: controlLine('$summary', 'With `control=true`: the last line of a complete stream.', {
    type: 'object',
    required: ['status', 'read', 'written', 'errors', 'misses', 'dropped', 'durationMs'],
    properties: {
      status: { const: 'complete' },
      read: { ...count, description: 'Records read, control lines and blank lines not counted.' },
      written: { ...count, description: 'Lines written, control lines not counted.' },
      errors: count,
      misses: count,
      dropped: count,
      durationMs: { ...count, description: 'Since the stream was opened.' },
    },
  }),
  StreamFatal: controlLine(
    '$fatal',
    'With `control=true`: the last line of a stream that is cut before it is complete.',
    schema('Problem'),
  ),
};
