import { parseJson } from '../../core/json/json.ts';
import { enrichExample } from './openapi-enrich.ts';
import { problemResponses } from './openapi-problems.ts';

const params = {
  type: 'object',
  required: ['pipeline'],
  properties: { pipeline: { type: 'string', description: 'Name of a pipeline in the configuration.' } },
};

export const listOperation = {
  operationId: 'listPipelines',
  tags: ['pipelines'],
  summary: 'The pipelines there are',
};

export const showOperation = {
  operationId: 'showPipeline',
  tags: ['pipelines'],
  summary: 'The effective configuration of one pipeline',
  description: 'With every default that holds, and with secrets hidden.',
  params,
};

export const explainOperation = {
  operationId: 'explain',
  tags: ['pipelines'],
  summary: 'The calls that one record would lead to',
  description: 'None of them is made.',
  params,
};

const json = (schema: object, value?: unknown): object => ({
  'application/json': { schema, ...(value !== undefined && { example: value }) },
});

const { pipeline, requestLines } = enrichExample;
const record = parseJson(requestLines[0] ?? '{}');

export const listResponses = {
  '200': {
    description: 'Their names, and where more is to be had.',
    content: json(
      { $ref: '#/components/schemas/PipelineList' },
      {
        pipelines: [{ name: pipeline, href: `/v1/pipelines/${pipeline}` }],
      },
    ),
  },
  ...problemResponses(['method_not_allowed', 'internal']),
};

export const showResponses = {
  '200': {
    description: 'Names are those of the configuration file; durations are milliseconds.',
    content: json({ type: 'object' }),
  },
  ...problemResponses(['unknown_pipeline', 'method_not_allowed', 'internal']),
};

export const explainRequestBody = {
  required: true,
  description: 'One record.',
  content: json({ $ref: '#/components/schemas/Record' }, record),
};

export const explainResponses = {
  '200': {
    description: 'A step in the order of the configuration: the call, or why there would be none.',
    content: json({ $ref: '#/components/schemas/Explanation' }),
  },
  '422': {
    description: '`not_an_object`: the record is JSON, but no object.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  },
  ...problemResponses(['bad_body', 'unknown_pipeline', 'method_not_allowed', 'body_too_large', 'internal']),
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
            into: { type: 'string', description: 'JSON Pointer of the place of the answer.' },
            call: { type: 'object', description: 'What would be sent.' },
            skipped: { type: 'boolean', description: 'True where the condition of the step does not hold.' },
            miss: {
              type: 'string',
              description:
                'Which argument is missing, so that the step has a miss without a call (onMissingArgument: miss).',
            },
            waitsFor: { type: 'array', items: name, description: 'Places of the answers that this step reads from.' },
            error: { type: 'object', description: 'Why the record cannot be looked up.' },
          },
        },
      },
    },
  },
};
