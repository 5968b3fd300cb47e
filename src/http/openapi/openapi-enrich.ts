import { contentCodings, errorPolicies, metaFields, modes } from '../../core/vocabulary.ts';
import { parseJson } from '../../core/json/json.ts';
import { controlParameters, controlSchemas } from './openapi-control.ts';
import { ndjsonTypes } from '../media.ts';
import { problemResponses, recordFailureResponses } from './openapi-problems.ts';

/** The route as Fastify knows it. Bodies and responses are added when the document is built. */
export const enrichOperation = {
  operationId: 'enrich',
  tags: ['enrich'],
  summary: 'Enrich a stream of records',
  description:
    'Reads one JSON object per line, makes the lookups of the pipeline, and returns each record with the answers in it while the body still arrives. A complete response ends with the trailer `Millrace-Status: complete`; an incomplete one is cut off without its last chunk. Try: `curl -sSN -X POST -T . URL`.',
  params: {
    type: 'object',
    required: ['pipeline'],
    properties: { pipeline: { type: 'string', description: 'Name of a pipeline in the configuration.' } },
  },
  querystring: {
    type: 'object',
    properties: {
      mode: {
        type: 'string',
        enum: [...modes],
        description: 'Order of the output. Default: the mode of the pipeline. `keyed` only if the pipeline has a key.',
      },
      capacity: {
        type: 'integer',
        minimum: 1,
        description:
          'Records between admission and emission, up to the ceiling of the pipeline. Default: the capacity of the pipeline.',
      },
      timeout: {
        type: 'string',
        description:
          'Time of one record over all attempts, such as `500ms` or `5s`, up to the ceiling of the pipeline. Default: the timeout of the pipeline.',
      },
      onError: {
        type: 'string',
        enum: [...errorPolicies],
        description: 'What happens to a record whose lookup failed. Default: as the pipeline says.',
      },
      meta: {
        type: 'string',
        description: `The members of \`_meta\`: a list of ${metaFields.join(', ')}, separated by commas. Default: those of the pipeline.`,
      },
      ...controlParameters,
    },
  },
};

const requestLines = [
  '{"date":"2001-01-01T01:10","delay":14,"origin":"ORD","destination":"SFO"}',
  '{"date":"2001-01-01T02:36","delay":-3,"origin":"SFO","destination":"ZZZ"}',
];
const ord = '{"iata":"ORD","name":"Chicago O\'Hare International","city":"Chicago"}';
const sfo = '{"iata":"SFO","name":"San Francisco International","city":"San Francisco"}';
const responseLines = [
  `{"date":"2001-01-01T01:10","delay":14,"origin":"ORD","destination":"SFO","originAirport":${ord},"destinationAirport":${sfo}}`,
  `{"date":"2001-01-01T02:36","delay":-3,"origin":"SFO","destination":"ZZZ","originAirport":${sfo},"destinationAirport":null}`,
];

/** The pipeline, the airports and the records of the examples; a test sends them through a real service. */
export const enrichExample = { pipeline: 'flights', airports: { ORD: ord, SFO: sfo }, requestLines, responseLines };

const lines = (texts: readonly string[], prefix: string, suffix: string): string =>
  texts.map((text) => prefix + text + suffix).join('');

function sequential(itemSchema: string, summary: string, text: string): object {
  return {
    itemSchema: { $ref: `#/components/schemas/${itemSchema}` },
    examples: { flights: { summary, value: text } },
  };
}

function single(schema: string, summary: string, text = ''): object {
  const value = parseJson(text);
  return { schema: { $ref: `#/components/schemas/${schema}` }, examples: { flight: { summary, value } } };
}

const sent = 'Two flights';
const received = 'Both with their airports; the destination of the second one is unknown';

export const enrichRequestBody = {
  required: true,
  description:
    'One record per line, also without a Content-Type. A body of `application/json` is one record with one answer. UTF-8, also compressed: `Content-Encoding` gzip, br or zstd.',
  content: {
    ...Object.fromEntries(
      ndjsonTypes.map((type) => [type, sequential('InputLine', sent, lines(requestLines, '', '\n'))]),
    ),
    'application/json-seq': sequential('InputLine', sent, lines(requestLines, '\u001e', '\n')),
    'application/json': single('Record', 'One flight', requestLines[0]),
  },
};

const text = { type: 'string' };
const count = { type: 'integer', minimum: 0 };

export const enrichResponses = {
  '200': {
    description:
      'The records with their answers, in the media type that `Accept` prefers; with `control=true` also control lines. A complete stream has the trailers `Millrace-Status: complete`, `Millrace-Read`, `Millrace-Written`, `Millrace-Errors`.',
    headers: {
      'X-Request-Id': {
        description: 'The id of the request: the one that the client sent, or a new one.',
        schema: text,
      },
      'Content-Encoding': {
        description:
          'The coding of the response, if it has one: one of `server.compression` that `Accept-Encoding` accepts.',
        schema: { type: 'string', enum: contentCodings },
      },
      Vary: { description: '`Accept-Encoding`, unless `server.compression` is empty.', schema: text },
      Trailer: { description: 'The names of the trailers (HTTP/1.1 only).', schema: text },
    },
    content: {
      ...Object.fromEntries(
        ndjsonTypes.map((type) => [type, sequential('OutputLine', received, lines(responseLines, '', '\n'))]),
      ),
      'application/json-seq': sequential('OutputLine', received, lines(responseLines, '\u001e', '\n')),
      'text/event-stream': sequential('ServerSentRecord', received, lines(responseLines, 'data: ', '\n\n')),
      'application/json': single('EnrichedRecord', 'The flight with its airports', responseLines[0]),
    },
  },
  '204': { description: 'Only for one record as application/json: the pipeline dropped it.' },
  ...recordFailureResponses(),
  ...problemResponses(['bad_parameter', 'bad_body', 'method_not_allowed', 'not_acceptable', 'body_too_large']),
  ...problemResponses([
    'unsupported_media_type',
    'unsupported_encoding',
    'decompression_ratio',
    'too_many_streams',
    'too_many_records',
    'internal',
  ]),
};

export const enrichSchemas = {
  ...controlSchemas,
  Record: {
    type: 'object',
    description: 'Any JSON object. Its bytes come back unchanged.',
    additionalProperties: true,
  },
  EnrichedRecord: {
    type: 'object',
    description: 'The record with each answer in the member that the pipeline names.',
    additionalProperties: true,
    properties: {
      _error: { $ref: '#/components/schemas/RecordError' },
      _meta: { type: 'object', description: 'The members that the parameter `meta` lists.' },
    },
  },
  ServerSentRecord: {
    type: 'object',
    required: ['data'],
    properties: {
      data: {
        type: 'string',
        contentMediaType: 'application/json',
        contentSchema: { $ref: '#/components/schemas/OutputLine' },
      },
    },
  },
  RecordError: {
    type: 'object',
    description: 'Why this record could not be enriched.',
    required: ['code', 'message', 'line'],
    properties: {
      code: { $ref: '#/components/schemas/RecordErrorCode' },
      message: text,
      lookup: { type: 'string', description: 'The lookup that failed.' },
      status: { type: 'integer', description: 'HTTP status of the last answer of that lookup.' },
      attempts: {
        ...count,
        description: 'Calls made by that lookup for the record; also if the time of the record ended.',
      },
      line: {
        type: 'integer',
        minimum: 1,
        description: 'Line number from 1, counted from the start of the body, or as `offset` or `$resume` say.',
      },
      input: { type: 'string', description: 'The first 256 bytes of a line that is not a JSON object.' },
    },
  },
};
