import { parseJson } from '../../core/json/json.ts';
import { enrichExample } from './openapi-enrich.ts';
import { accessCodes, problemResponses } from './openapi-problems.ts';

const params = {
  type: 'object',
  required: ['pipeline'],
  properties: { pipeline: { type: 'string', description: 'Name of a pipeline in the configuration.' } },
};

export const listOperation = {
  operationId: 'listPipelines',
  tags: ['pipelines'],
  summary: 'The names of all pipelines',
};

export const showOperation = {
  operationId: 'showPipeline',
  tags: ['pipelines'],
  summary: 'The effective configuration of one pipeline',
  description: 'With all defaults filled in and secrets hidden.',
  params,
};

export const explainOperation = {
  operationId: 'explain',
  tags: ['pipelines'],
  summary: 'The calls that one record would cause',
  description: 'No call is made.',
  params,
};

const json = (schema: object, value?: unknown): object => ({
  'application/json': { schema, ...(value !== undefined && { example: value }) },
});

const { pipeline, requestLines } = enrichExample;
const record = parseJson(requestLines[0] ?? '{}');

export const listResponses = {
  '200': {
    description: 'The names of all pipelines, each with its address.',
    content: json(
      { $ref: '#/components/schemas/PipelineList' },
      {
        pipelines: [{ name: pipeline, href: `/v1/pipelines/${pipeline}` }],
      },
    ),
  },
  ...problemResponses([...accessCodes, 'method_not_allowed', 'internal']),
};

export const showResponses = {
  '200': {
    description: 'Names and durations are written as in the configuration file.',
    content: json({ type: 'object' }),
  },
  ...problemResponses([...accessCodes, 'forbidden', 'unknown_pipeline', 'method_not_allowed', 'internal']),
};

export const explainRequestBody = {
  required: true,
  description: 'One record, also compressed: `Content-Encoding` gzip, br or zstd.',
  content: json({ $ref: '#/components/schemas/Record' }, record),
};

export const explainResponses = {
  '200': {
    description: 'For each step, in the order of the configuration: the call, or why there would be no call.',
    content: json({ $ref: '#/components/schemas/Explanation' }),
  },
  '422': {
    description: '`not_an_object`: the body is JSON, but not an object.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  },
  ...problemResponses([
    ...accessCodes,
    'forbidden',
    'bad_body',
    'unknown_pipeline',
    'method_not_allowed',
    'body_too_large',
    'decompression_ratio',
    'unsupported_encoding',
    'too_many_streams',
    'internal',
  ]),
};

const name = { type: 'string' };

export const opsSchemas = {
  PipelineList: {
    type: 'object',
    required: ['pipelines'],
    properties: {
      pipelines: {
        type: 'array',
        items: { type: 'object', required: ['name', 'href'], properties: { name, href: { type: 'string' } } },
      },
    },
  },
  Explanation: {
    type: 'object',
    required: ['pipeline', 'steps'],
    properties: {
      pipeline: name,
      steps: {
        type: 'array',
        items: {
          type: 'object',
          required: ['lookup', 'into'],
          properties: {
            lookup: name,
            into: { type: 'string', description: 'JSON Pointer to the member that gets the answer.' },
            call: { type: 'object', description: 'The request that would be sent.' },
            layers: {
              type: 'array',
              description: 'The layers of the lookup that the call passes, in order.',
              items: {
                type: 'object',
                required: ['layer'],
                properties: {
                  layer: name,
                  key: { type: 'string', description: 'Calls with the same key share a stored answer.' },
                  settings: { description: 'As in the effective configuration.' },
                },
              },
            },
            skipped: { type: 'boolean', description: 'True if the condition of the step (`when`) is false.' },
            miss: {
              type: 'string',
              description: 'Which argument is missing. The step has a miss without a call (`onMissingArgument: miss`).',
            },
            waitsFor: { type: 'array', items: name, description: 'Places of the answers that this step reads.' },
            error: { type: 'object', description: 'Why there can be no call for this record.' },
          },
        },
      },
    },
  },
};
